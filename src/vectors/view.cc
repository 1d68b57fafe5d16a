#include "vectors/view.h"

#include <cstring>

namespace weir::vectors {

std::string_view View::IdOf(uint32_t row) const {
  const char* id = slots.As<Slot>(row).id;
  uint16_t size;
  std::memcpy(&size, id, sizeof(size));
  return {id + sizeof(size), size};
}

uint32_t View::FindSeq(int64_t seq) const {
  uint32_t first = 0;
  uint32_t count = rows;
  while (count > 0) {
    const uint32_t half = count / 2;
    if (SeqOf(first + half) < seq) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first < rows && SeqOf(first) == seq && !IsDead(first) ? first : rows;
}

std::optional<Bitmap> View::Expired(Expiry now) const {
  if (now < next_expiry) return std::nullopt;
  Bitmap expired(rows);
  for (uint32_t row = 0; row < rows; ++row) {
    if (HasExpired(expiries.As<Expiry>(row), now)) expired.Set(row);
  }
  return expired;
}

bool View::HasVector(uint32_t row, size_t space) const {
  const auto& absent = spaces[space].absent;
  return absent == nullptr || !absent->Test(row);
}

}  // namespace weir::vectors
