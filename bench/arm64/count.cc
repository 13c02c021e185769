// A QEMU plugin that counts: qemu-aarch64 -plugin count.so,out=FILE PROGRAM. When the program ends, FILE has
// a line for each block of instructions that ran: its address, its length in instructions, how often it ran.
//
// Debian ships no header for plugins. These are the parts of QEMU's plugin interface, version 1, that are
// used here (include/qemu/qemu-plugin.h; Debian 12 has QEMU 7.2).

#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <deque>
#include <string>

extern "C" {
struct qemu_plugin_tb;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
using qemu_plugin_id_t = uint64_t;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, qemu_plugin_tb*));
void qemu_plugin_register_vcpu_tb_exec_inline(qemu_plugin_tb*, qemu_plugin_op, void* target, uint64_t value);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void*), void*);
size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb*);
uint64_t qemu_plugin_tb_vaddr(const qemu_plugin_tb*);

extern __attribute__((visibility("default"))) const int qemu_plugin_version = 1;
}

namespace {

struct Block {
  uint64_t address;
  size_t instructions;
  uint64_t runs;
};

/** A deque's elements stay where they are: generated code adds to `runs`. */
std::deque<Block> blocks;
std::string out;

void OnTranslate(qemu_plugin_id_t, qemu_plugin_tb* tb) {
  blocks.push_back({qemu_plugin_tb_vaddr(tb), qemu_plugin_tb_n_insns(tb), 0});
  qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &blocks.back().runs, 1);
}

void OnExit(qemu_plugin_id_t, void*) {
  FILE* file = std::fopen(out.c_str(), "w");
  if (file == nullptr) return;
  for (const Block& block : blocks) {
    std::fprintf(file, "%" PRIu64 " %zu %" PRIu64 "\n", block.address, block.instructions, block.runs);
  }
  std::fclose(file);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const void*,
                                                                          int argc, char** argv) {
  if (argc != 1 || std::strncmp(argv[0], "out=", 4) != 0) return -1;
  out = argv[0] + 4;
  qemu_plugin_register_vcpu_tb_trans_cb(id, OnTranslate);
  qemu_plugin_register_atexit_cb(id, OnExit, nullptr);
  return 0;
}
