#include "memory/block.h"

#include <cstdlib>
#include <mutex>
#include <unordered_map>

namespace sightline {
namespace {

constexpr size_t kAlignment = 64;

/**
 * The one piece of process-wide state: threads of one process have separate JavaScript heaps, so a block can
 * only be handed from one to another by a number that all of them look up in the same place. It holds weak
 * pointers: it owns nothing.
 */
struct Registry {
  std::mutex mutex;
  uint32_t last_id = 0;
  size_t bytes = 0;
  std::unordered_map<uint32_t, std::weak_ptr<Block>> blocks;
};

Registry& TheRegistry() {
  // Never destroyed: a worker's views may be finalized after the process began to run its exit handlers.
  static Registry* const registry = new Registry;
  return *registry;
}

}  // namespace

std::shared_ptr<Block> Block::Allocate(size_t bytes) {
  if (bytes == 0 || bytes > SIZE_MAX - kAlignment) return nullptr;
  void* data = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (data == nullptr) return nullptr;
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  std::shared_ptr<Block> block(new Block(++registry.last_id, data, bytes));
  registry.blocks.emplace(block->id(), block);
  registry.bytes += bytes;
  return block;
}

std::shared_ptr<Block> Block::Find(uint32_t id) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  auto found = registry.blocks.find(id);
  return found == registry.blocks.end() ? nullptr : found->second.lock();
}

Block::~Block() {
  Registry& registry = TheRegistry();
  {
    std::lock_guard<std::mutex> lock(registry.mutex);
    registry.blocks.erase(id_);
    registry.bytes -= bytes_;
  }
  std::free(data_);
}

MemoryUse BlocksAlive() {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  return {registry.bytes, registry.blocks.size()};
}

}  // namespace sightline
