// Measures a model through the public API of a server. Every prompt is new, so that no cached
// prefix makes the model look faster than it is, and times are the engine's own, so that the
// network and this program do not count. Each figure is the best of kRounds: what else the machine
// does meanwhile only makes it slower.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "base/result.h"
#include "cli/server_link.h"
#include "json/value.h"
#include "models/rates.h"

namespace weir::cli {

class Bench {
 public:
  static constexpr int kRounds = 2;
  static constexpr int64_t kStreamTokens = 48;

  Bench(ServerLink& link, std::string model)
      : link_(link), model_(std::move(model)), random_(std::random_device{}()) {}

  // Loads the model and learns its tokens. First of all.
  Result<void> Load();
  const std::string& model() const { return model_; }  // the full name, once it is loaded
  const json::Value& engine() const { return engine_; }
  bool generates() const;
  int64_t room() const;  // tokens of one request

  // A prompt of so many tokens.
  Result<models::RatePoint> Prefill(int64_t tokens);
  // Streams that share a prompt; their decoding is what counts.
  Result<models::RatePoint> Decode(int64_t streams, int64_t prompt_tokens = 16);
  // So many texts in one request, with all that a request costs.
  Result<models::RatePoint> Embed(int64_t texts);

 private:
  json::Array Prompt(int64_t count);
  Result<json::Value> Complete(json::Array prompt, int64_t tokens, int64_t choices);

  ServerLink& link_;
  std::string model_;
  std::mt19937_64 random_;
  json::Value engine_ = {};
  json::Array tokens_ = {};
};

}  // namespace weir::cli
