// Files whose text belongs to a configuration: a list of prices, the weights of a prediction,
// calibrations. The launcher reads them with the configuration and hands both down, so that a
// reload may name others and a gateway that is started again has what is in force.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "config/settings.h"

namespace weir::config {

inline constexpr size_t kNamedFileBytesMax = size_t{1} << 20;

// The whole text of one of them: as it was handed down, else as it is now. Errors: kNotFound where
// it cannot be read, or is empty; kTooLarge.
Result<std::string> TextOfNamed(const Settings& settings, const std::string& path);

// All that `settings` names, by path, for Settings::named_files; without those that cannot be read.
// Of one that is too large there is enough to see that.
std::map<std::string, std::string> ReadNamedFiles(const Settings& settings);

}  // namespace weir::config
