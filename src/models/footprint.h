// What a model takes of this machine's memory when an engine has loaded it, told from its file
// before anybody has loaded it; and what would take less. For `weir show`, and for the memory
// budget of the engines until it knows better (backends/engine_fleet.h).
//
// An estimate: measured on the catalogue's models it is within a fifth of what they take. Left out:
// the states of recurrent models, prefixes that are kept in host memory, and the memory of a GPU.
//
// Pure, but for DefaultMemoryBudget's argument. Any thread. Sizes in bytes.
#pragma once

#include <cstdint>
#include <string>

#include "gguf/info.h"
#include "process/probe.h"
#include "wire/engine.h"

namespace weir::models {

struct Footprint {
  uint64_t weights = 0;
  uint64_t cache = 0;    // keys and values of all cells
  uint64_t compute = 0;  // what a step works in, and the program itself
  // Buffers of no great size, and of quantised weights half again: they may lie in memory twice, as
  // the file has them and as the processor's matrix kernels want them. The system can drop the
  // former where memory is short.
  uint64_t more = 0;
  int32_t context_tokens = 0;  // that the cache is for

  // What it cannot do without, and what it is likely to be seen with.
  uint64_t least() const { return weights + cache + compute; }
  uint64_t likely() const { return least() + more; }
};

// `settings` as the engine will get them; zero is the engine's own choice.
Footprint FootprintOf(const gguf::Info& info, const wire::EngineSettings& settings);

// "weights 1.0 GiB, KV cache 448.0 MiB for 16384 tokens, computing 178.2 MiB".
std::string FootprintText(const Footprint& footprint);

// What would make a model fit into `bytes` that does not, as settings of its [model] and
// quantisations: "context = 4096, or kv_type_k and kv_type_v = \"q8_0\", or the model as Q3_K_M".
// Each alone is enough. Empty when nothing of it would be.
std::string WhatWouldFit(const gguf::Info& info, const wire::EngineSettings& settings,
                         uint64_t bytes);

// Of a model whose least() is more than `bytes`: the figures, and what would fit.
std::string TooLargeText(const gguf::Info& info, const wire::EngineSettings& settings,
                         uint64_t bytes);

// For all models together where nobody chose: three quarters of the machine's memory, or of the
// control group's where that is less. UINT64_MAX where neither is known.
uint64_t DefaultMemoryBudget(const Machine& machine);

}  // namespace weir::models
