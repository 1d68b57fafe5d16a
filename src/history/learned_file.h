// learned.json in the data folder: what `weir route learn` made of this machine's own outcomes.
// Readable by its owner only. One writer.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "routing/refit.h"

namespace weir::history {

inline constexpr std::string_view kLearnedFile = "learned.json";

// Nothing learnt where there is no file; an Error when there is one that is not right.
Result<routing::Refit> ReadLearned(const std::filesystem::path& folder);
// Durable when it returns. Nothing learnt removes the file.
Result<void> WriteLearned(const std::filesystem::path& folder, const routing::Refit& refit);

}  // namespace weir::history
