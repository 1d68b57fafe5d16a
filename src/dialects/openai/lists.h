// The answers that are lists: embeddings, and the models there are.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/event.h"

namespace weir::openai {

// `base64`: each vector as base64 of its little-endian floats, which is what OpenAI's own clients
// ask for. `weir` as in answer.h.
std::string RenderEmbeddings(const chat::Embeddings& embeddings, std::string_view model,
                             bool base64, std::string_view weir = {});

struct ModelEntry {
  std::string id = {};
  int64_t created_s = 0;
  std::string owned_by = "weir";
  std::vector<std::string> capabilities = {};  // beyond OpenAI; left out where there are none
};
std::string RenderModels(std::span<const ModelEntry> models);  // GET /v1/models
std::string RenderModel(const ModelEntry& model);              // GET /v1/models/{id}

}  // namespace weir::openai
