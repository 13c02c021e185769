// The kernel cannot start arm64's Node: children go through the emulator again.
process.execPath = process.env.SIGHTLINE_EMULATED_NODE;
