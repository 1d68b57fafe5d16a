// Finds what opens doors: keys and tokens by their prefixes, private keys, tokens of JSON,
// passwords in assignments, addresses and headers. A word of the rule is found first (by the
// automaton), then RE2 looks at a bounded window from there; entropy and a list of placeholders
// keep examples out. Immutable: any thread.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "privacy/scan.h"

namespace weir::privacy {

struct SecretRule {
  Type type = Type::kApiKey;
  std::string_view anchor = {};  // lower case
  std::string_view pattern =
      {};  // from the anchor's begin, or its end (`after`); group 1 is the secret
  bool after = false;
  bool word = false;       // no letter or digit right before the anchor
  int digits_min = 0;      // of the secret
  double entropy_min = 0;  // bits for each byte
  int score = 95;
};

class SecretFinder {
 public:
  SecretFinder();
  static std::span<const SecretRule> Rules();

  // The anchor of rule `rule` stands at [begin, end).
  void Find(Scan& scan, size_t rule, size_t begin, size_t end) const;

 private:
  std::vector<std::unique_ptr<re2::RE2>> patterns_ = {};  // of each rule
};

// Shannon's, of the bytes of a text, in bits.
double Entropy(std::string_view text);
// Whether people write it where a secret would stand: "<your key>", "${KEY}", "xxxx", "changeme".
bool IsPlaceholder(std::string_view text);

}  // namespace weir::privacy
