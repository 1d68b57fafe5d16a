// Finds what begins with, or is made of, digits: identifiers (identifiers.h), IBANs, telephone
// numbers, network addresses, coordinates, wallets, American and British postal codes. Jumps from
// digit to digit; each place is looked at a bounded number of times. Immutable: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "privacy/identifiers.h"
#include "privacy/scan.h"

namespace weir::privacy {

class NumberFinder {
 public:
  NumberFinder();

  void Find(Scan& scan) const;

 private:
  // A way of writing an identifier: bit k says that a group ends after k characters.
  struct Form {
    const Identifier* identifier = nullptr;
    uint64_t ends = 0;  // without the last one
    int score = 0;
  };
  struct Run;

  void Add(std::span<const Identifier> identifiers);
  void FindIdentifiers(Scan& scan, size_t at) const;
  void FindAfterLetters(Scan& scan, size_t begin, size_t seen) const;
  void FindBroken(Scan& scan, const Run& run, size_t seen) const;
  static int ScoreOf(const Form& form, const Run& run, uint64_t ends, bool in_a_row);
  void Match(Scan& scan, const Run& run, size_t length) const;

  std::array<std::vector<Form>, kIdentifierLengthMax + 1> forms_ = {};  // by length
};

// The rest of number_finder, by hand: each looks at a group of letters and digits [begin, end).
void FindPhone(Scan& scan, size_t begin);
void FindIpAddress(Scan& scan, size_t begin, size_t end);
void FindMacAddress(Scan& scan, size_t begin, size_t end);
void FindLocation(Scan& scan, size_t begin, size_t end);
void FindWallet(Scan& scan, size_t begin, size_t end);
void FindPostalCode(Scan& scan, size_t begin, size_t end);
// And e-mail addresses, from sign to sign.
void FindEmails(Scan& scan);

}  // namespace weir::privacy
