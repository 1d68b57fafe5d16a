// Identifiers that are groups of digits and letters: how each is written, what proves it, and how
// much it says without a word about it nearby. Tables, one for each part of the world; pure.
#pragma once

#include <span>
#include <string_view>

#include "privacy/entity_types.h"

namespace weir::privacy {

struct Identifier {
  Type type = Type::kUnscanned;
  // Without separators: D a digit, L a letter, A either; one for each character.
  std::string_view shape = {};
  // The ways in which it is written, "3-2-4,9": groups with one of " -./" between them.
  std::string_view groupings = {};
  // Of the characters without separators, letters as capitals; null: the shape is all there is.
  bool (*valid)(std::string_view compact) = nullptr;
  // In percent, without context: written as one group, and in several.
  int bare = 0;
  int grouped = 0;
  int undashed = 0;  // in several, with something else than dashes between them; 0: as `grouped`
};

inline constexpr size_t kIdentifierLengthMax = 44;

std::span<const Identifier> GeneralIdentifiers();
std::span<const Identifier> AmericanIdentifiers();
std::span<const Identifier> WestEuropeanIdentifiers();
std::span<const Identifier> NorthAndEastEuropeanIdentifiers();
std::span<const Identifier> AsianPacificAndAfricanIdentifiers();

// By the length of its country, groups of four or none, and its remainder.
bool IsIban(std::string_view compact);
// How many characters an IBAN of this country has; 0 for no country.
size_t IbanLength(std::string_view country);

}  // namespace weir::privacy
