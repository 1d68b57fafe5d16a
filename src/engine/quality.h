// How well models predict a text, and how far their distributions are from the first one's: the
// arithmetic of llama-perplexity, so that the figures can be compared with everybody's. The text is
// cut into windows of the context's length, each computed from an empty memory with the model's
// beginning in front; the tokens of its second half are scored. Then how fast they run.
//
// Bounded: the models work through the text side by side, kRows rows at a time, and what a row says
// is reduced to a few sums before the next; no distribution is stored. So memory is that of the
// models, their cells for one window, and kRows rows of logits for each; disk is none.
//
// Blocks for as long as the text takes; one thread. Nothing here knows of processes (measuring.h).
#pragma once

#include <functional>
#include <span>

#include "base/result.h"
#include "llama/model.h"
#include "wire/quality.h"

namespace weir::engine {

// One or two models over one vocabulary; the first is what the second is compared with.
// `on_progress` gets the share that is done, rising. kInvalidArgument with the field as param: a
// model that predicts no text, a vocabulary that differs, a context beyond what a model was trained
// for, a text of fewer than two windows. kUnprocessable ("no_numbers"): a model gives NaN.
Result<wire::Measured> MeasureQuality(std::span<const llama::Model* const> models,
                                      const wire::Measure& asked,
                                      const std::function<void(float)>& on_progress);

}  // namespace weir::engine
