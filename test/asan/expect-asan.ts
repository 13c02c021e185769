import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cpuFeatures } from "../../runtime/native/index.ts";

// Before each test file: by mistake the plain build might be the one that runs.
cpuFeatures();
const maps = readFileSync("/proc/self/maps", "latin1");
assert.match(maps, /-asan\/sightline\.node$/m);
assert.doesNotMatch(maps, /build\/linux-\w+\/sightline\.node$/m);
