// How collections of several tenants share one store: each has a full name, of which a tenant sees
// its own part alone. Whoever serves tenants makes every name with Joined and looks at lists with
// Split; nothing else may name a collection.
//
// A plain value; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::vectors {

struct FullName {
  static constexpr std::string_view kDatabase = "default";  // of who names none

  std::string tenant;
  std::string database = std::string(kDatabase);
  std::string name;

  bool operator==(const FullName&) const = default;
};

// "tenant/database/name"; a slash and a percent sign inside a part are escaped as in URLs.
std::string Joined(const FullName& name);
// The beginning of the full names of one database.
std::string Prefix(std::string_view tenant, std::string_view database);
// And of all databases of a tenant.
std::string Prefix(std::string_view tenant);
// Nothing for what Joined does not make: such a collection belongs to no tenant.
std::optional<FullName> Split(std::string_view joined);

}  // namespace weir::vectors
