// Models for this folder's tests: the tiny ones of WEIR_SHARED_DATA and the real ones of the model
// store, loaded once for all tests of a program. A test whose model is absent is skipped with a
// line that says so.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "llama/model.h"

namespace weir::llama::testing {

inline std::string SharedData(const std::string& path) {
  const char* folder = std::getenv("WEIR_SHARED_DATA");
  return (folder != nullptr ? std::string(folder) : WEIR_SOURCE_DIR "/../shared/data") + "/" + path;
}

inline std::string StoredModel(const std::string& sha256) {
  const char* folder = std::getenv("WEIR_MODELS");
  const char* home = std::getenv("HOME");
  const std::string store =
      folder != nullptr ? std::string(folder)
                        : std::string(home != nullptr ? home : "") + "/.local/share/weir/models";
  return store + "/blobs/sha256-" + sha256;
}

inline std::string StoriesPath() { return SharedData("models/stories260K/stories260K-f32.gguf"); }
inline std::string RandomPath() {
  return SharedData("models/llama-2-tiny-random/llama-2-tiny-random.gguf");
}
inline std::string SmolPath() {
  return StoredModel("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
}
inline std::string QwenPath() {
  return StoredModel("1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32");
}
inline std::string Qwen15Path() {
  return StoredModel("cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046");
}
// Of tests/tiny_models.py, which run_tests.py runs before: "mamba" (a state that cannot be cut),
// "lfm2" (states beside cells), "gemma3" (a sliding window), "encoder" and "reranker" (the same
// one, with a head).
inline std::string TinyPath(const std::string& kind) {
  const char* folder = std::getenv("WEIR_TINY_MODELS");
  return (folder != nullptr ? std::string(folder) : WEIR_SOURCE_DIR "/build/tiny-models") +
         "/tiny-" + kind + ".gguf";
}
// gemma3:270m, a sliding window: tests only, and only where `make test-long` fetched it or somebody
// put it into the store.
inline std::string GemmaPath() {
  const std::string sha256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818";
  const std::string fetched = WEIR_SOURCE_DIR "/build/test-models/blobs/sha256-" + sha256;
  return std::filesystem::exists(fetched) ? fetched : StoredModel(sha256);
}

// Null when the file is absent or does not load.
inline Model* Shared(const std::string& path, bool vocabulary_only = false) {
  static std::map<std::string, std::unique_ptr<Model>>& models =
      *new std::map<std::string, std::unique_ptr<Model>>;
  const std::string key = path + (vocabulary_only ? "#vocabulary" : "");
  if (!models.contains(key)) {
    std::unique_ptr<Model> model;
    if (std::filesystem::exists(path)) {
      ModelSettings settings;
      settings.vocabulary_only = vocabulary_only;
      auto loaded = Model::Load(path, settings);
      if (loaded) model = std::move(*loaded);
    }
    models[key] = std::move(model);
  }
  return models[key].get();
}

}  // namespace weir::llama::testing

// Declares `model`, a Model&, or skips the test.
#define WEIR_MODEL_OR_SKIP(model, path)                                                      \
  auto* model##_or_null = ::weir::llama::testing::Shared(path);                              \
  if (model##_or_null == nullptr) GTEST_SKIP() << "no model file for this test: " << (path); \
  [[maybe_unused]] ::weir::llama::Model& model = *model##_or_null
#define WEIR_VOCABULARY_OR_SKIP(model, path)                                                 \
  auto* model##_or_null = ::weir::llama::testing::Shared(path, true);                        \
  if (model##_or_null == nullptr) GTEST_SKIP() << "no model file for this test: " << (path); \
  [[maybe_unused]] ::weir::llama::Model& model = *model##_or_null
