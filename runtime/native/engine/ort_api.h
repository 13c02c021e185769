#pragma once

#include <cstddef>
#include <cstdint>

/**
 * The part of ONNX Runtime's C API that the engine uses. The API is one table of function pointers that only
 * ever grows at its end, so a function's index never changes; the numbers below are those indices, and
 * test/unit/ort-api.test.ts holds them against the header's order. Each is exercised by test/contract/session.test.ts.
 */
namespace sightline {

struct OrtStatus;
struct OrtEnv;
struct OrtSession;
struct OrtSessionOptions;
struct OrtRunOptions;
struct OrtValue;
struct OrtMemoryInfo;
/** What ONNX Runtime wants of an allocator that is not its own. */
struct OrtAllocator {
  uint32_t version;
  void* (*Alloc)(OrtAllocator*, size_t bytes);
  void (*Free)(OrtAllocator*, void* block);
  const OrtMemoryInfo* (*Info)(const OrtAllocator*);
  /** For memory that stays as long as its session. */
  void* (*Reserve)(OrtAllocator*, size_t bytes);
};
struct OrtTypeInfo;
struct OrtTensorInfo;

/** The oldest library whose table has every function below: interface 17 belongs to release 1.17. */
constexpr uint32_t kOrtInterface = 17;
/** Of release 1.22; below it a load cannot be ended. */
constexpr uint32_t kOrtCancellingInterface = 22;

struct OrtApiBase {
  const void* (*GetApi)(uint32_t version);
  const char* (*GetVersionString)();
};

enum OrtErrorCode : int { kOrtNoSuchFile = 3 };
enum OrtLogLevel : int { kOrtLogFatal = 4 };
enum OrtExecutionMode : int { kOrtSequential = 0 };
enum OrtGraphOptimization : int {
  kOrtOptimizeNone = 0,
  kOrtOptimizeBasic = 1,
  kOrtOptimizeExtended = 2,
  kOrtOptimizeAll = 99,
};
enum OrtAllocatorType : int { kOrtDeviceAllocator = 0, kOrtArenaAllocator = 1 };
enum OrtMemoryType : int { kOrtMemoryDefault = 0 };

enum OrtElementType : int {
  kOrtFloat32 = 1,
  kOrtUint8 = 2,
  kOrtInt8 = 3,
  kOrtInt32 = 6,
  kOrtInt64 = 7,
  kOrtBool = 9,
  kOrtFloat16 = 10,
  kOrtFloat64 = 11,
};

/** One function of the table: its index and its signature. */
template <size_t kIndex, typename Signature>
class OrtEntry;

template <size_t kIndex, typename Result, typename... Args>
class OrtEntry<kIndex, Result(Args...)> {
 public:
  explicit OrtEntry(const void* table)
      : function_(reinterpret_cast<Result (*)(Args...)>(static_cast<void* const*>(table)[kIndex])) {}
  Result operator()(Args... args) const { return function_(args...); }

 private:
  Result (*const function_)(Args...);
};

template <size_t kIndex, typename... Args>
using OrtCall = OrtEntry<kIndex, OrtStatus*(Args...)>;

struct OrtApi {
  explicit OrtApi(const void* functions) : table(functions) {}

  const void* const table;

  const OrtEntry<1, OrtErrorCode(const OrtStatus*)> GetErrorCode{table};
  const OrtEntry<2, const char*(const OrtStatus*)> GetErrorMessage{table};
  const OrtEntry<93, void(OrtStatus*)> ReleaseStatus{table};

  const OrtCall<3, OrtLogLevel, const char*, OrtEnv**> CreateEnv{table};
  const OrtEntry<92, void(OrtEnv*)> ReleaseEnv{table};

  const OrtCall<10, OrtSessionOptions**> CreateSessionOptions{table};
  const OrtCall<11, OrtSessionOptions*, const char*> SetOptimizedModelFilePath{table};
  const OrtCall<13, OrtSessionOptions*, OrtExecutionMode> SetSessionExecutionMode{table};
  const OrtCall<14, OrtSessionOptions*, const char*> EnableProfiling{table};
  const OrtCall<22, OrtSessionOptions*, int> SetSessionLogSeverityLevel{table};
  const OrtCall<23, OrtSessionOptions*, OrtGraphOptimization> SetSessionGraphOptimizationLevel{table};
  const OrtCall<24, OrtSessionOptions*, int> SetIntraOpNumThreads{table};
  const OrtCall<25, OrtSessionOptions*, int> SetInterOpNumThreads{table};
  const OrtCall<130, OrtSessionOptions*, const char*, const char*> AddSessionConfigEntry{table};
  const OrtCall<150, OrtSessionOptions*, const char*, const OrtValue*> AddInitializer{table};
  /** Only there from `kOrtCancellingInterface` on. */
  const OrtCall<293, OrtSessionOptions*, bool> SessionOptionsSetLoadCancellationFlag{table};
  const OrtEntry<100, void(OrtSessionOptions*)> ReleaseSessionOptions{table};

  const OrtCall<7, const OrtEnv*, const char*, const OrtSessionOptions*, OrtSession**> CreateSession{table};
  const OrtCall<8, const OrtEnv*, const void*, size_t, const OrtSessionOptions*, OrtSession**>
      CreateSessionFromArray{table};
  const OrtEntry<95, void(OrtSession*)> ReleaseSession{table};

  const OrtCall<30, const OrtSession*, size_t*> SessionGetInputCount{table};
  const OrtCall<31, const OrtSession*, size_t*> SessionGetOutputCount{table};
  const OrtCall<33, const OrtSession*, size_t, OrtTypeInfo**> SessionGetInputTypeInfo{table};
  const OrtCall<34, const OrtSession*, size_t, OrtTypeInfo**> SessionGetOutputTypeInfo{table};
  const OrtCall<36, const OrtSession*, size_t, OrtAllocator*, char**> SessionGetInputName{table};
  const OrtCall<37, const OrtSession*, size_t, OrtAllocator*, char**> SessionGetOutputName{table};
  const OrtCall<76, OrtAllocator*, void*> AllocatorFree{table};
  const OrtCall<78, OrtAllocator**> GetAllocatorWithDefaultOptions{table};
  const OrtCall<176, OrtEnv*, OrtAllocator*> RegisterAllocator{table};

  const OrtCall<55, const OrtTypeInfo*, const OrtTensorInfo**> CastTypeInfoToTensorInfo{table};
  const OrtEntry<98, void(OrtTypeInfo*)> ReleaseTypeInfo{table};
  const OrtCall<60, const OrtTensorInfo*, OrtElementType*> GetTensorElementType{table};
  const OrtCall<61, const OrtTensorInfo*, size_t*> GetDimensionsCount{table};
  const OrtCall<62, const OrtTensorInfo*, int64_t*, size_t> GetDimensions{table};
  const OrtEntry<99, void(OrtTensorInfo*)> ReleaseTensorTypeAndShapeInfo{table};

  const OrtCall<69, OrtAllocatorType, OrtMemoryType, OrtMemoryInfo**> CreateCpuMemoryInfo{table};
  const OrtEntry<94, void(OrtMemoryInfo*)> ReleaseMemoryInfo{table};
  const OrtCall<49, const OrtMemoryInfo*, void*, size_t, const int64_t*, size_t, OrtElementType, OrtValue**>
      CreateTensorWithDataAsOrtValue{table};
  const OrtCall<51, OrtValue*, void**> GetTensorMutableData{table};
  const OrtCall<65, const OrtValue*, OrtTensorInfo**> GetTensorTypeAndShape{table};
  const OrtEntry<96, void(OrtValue*)> ReleaseValue{table};

  const OrtCall<39, OrtRunOptions**> CreateRunOptions{table};
  const OrtCall<41, OrtRunOptions*, int> RunOptionsSetRunLogSeverityLevel{table};
  const OrtCall<46, OrtRunOptions*> RunOptionsSetTerminate{table};
  const OrtEntry<97, void(OrtRunOptions*)> ReleaseRunOptions{table};
  const OrtCall<9, OrtSession*, const OrtRunOptions*, const char* const*, const OrtValue* const*, size_t,
                const char* const*, size_t, OrtValue**>
      Run{table};
};

}  // namespace sightline
