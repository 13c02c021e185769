#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sightline {

/** 64-byte aligned memory outside of JavaScript's heap; lives as long as its last owner. Not cleared. */
class Block {
 public:
  /** Null when `bytes` is 0 or the system has no memory left. */
  static std::shared_ptr<Block> Allocate(size_t bytes);
  /** The living block of this id, from any thread; null when there is none. */
  static std::shared_ptr<Block> Find(uint32_t id);

  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  uint32_t id() const { return id_; }
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  Block(uint32_t id, void* data, size_t bytes) : id_(id), data_(data), bytes_(bytes) {}

  const uint32_t id_;
  void* const data_;
  const size_t bytes_;
};

struct MemoryUse {
  size_t bytes;
  size_t blocks;
};
MemoryUse BlocksAlive();

}  // namespace sightline
