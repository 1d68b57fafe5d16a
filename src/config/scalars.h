// The settings that are one value each: the same name in the file ("limits.body"), in the
// environment (WEIR_LIMITS_BODY) and as a flag (--limits-body). One row each, so that all four ways
// agree. Private to this folder.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/document.h"
#include "config/settings.h"
#include "config/units.h"

namespace weir::config {

struct Scalar {
  // How the value is written; kSize and kCount are both int64_t.
  enum class Form : uint8_t { kEndpoints, kLabel, kDuration, kSize, kCount, kLogLevel, kFolder };

  template <class T>
  using Access = Setting<T>& (*)(Settings&);

  std::string_view section;  // "", "limits" or "engine"
  std::string_view name;
  Form form;
  std::variant<Access<std::vector<Endpoint>>, Access<chat::Label>, Access<Duration>,
               Access<int64_t>, Access<std::string>>
      access;
  int64_t min = 0;  // of kSize and kCount; of kDuration in seconds
  int64_t max = 0;
};

std::span<const Scalar> Scalars();

std::string FullName(const Scalar& scalar);         // "limits.body"
std::string EnvironmentName(const Scalar& scalar);  // "WEIR_LIMITS_BODY"
std::string FlagName(const Scalar& scalar);         // "limits-body"

// From a node of the file, and from a word of the environment or command line. Errors are the rest
// of "NAME ...".
Parsed<void> SetFromNode(const Scalar& scalar, const Node& node, Settings& settings);
Parsed<void> SetFromText(const Scalar& scalar, std::string_view text, Origin origin,
                         Settings& settings);

// As TOML.
std::string ValueToText(const Scalar& scalar, const Settings& settings);
Place PlaceOf(const Scalar& scalar, const Settings& settings);

}  // namespace weir::config
