// What a search sees of a collection: everything as of one write. A writer makes a new View for
// each write and shares with the old one all that did not change, so that taking a view is copying
// a pointer, and a search and a writer never wait for each other.
//
// Rows number the points in the order in which they were written; a replaced or deleted point
// leaves a dead row until the collection is packed (OpenCollection).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "vectors/bitmap.h"
#include "vectors/expiry.h"
#include "vectors/payload_block.h"
#include "vectors/row_array.h"
#include "vectors/sparse_index.h"
#include "vectors/word_index.h"

namespace weir::vectors {

// The vectors of one space.
struct SpaceView {
  RowArray::View vectors;                // as RowVectors has them; zero where absent
  RowArray::View codes;                  // records (codes.h, bit_codes.h); zero where absent
  std::shared_ptr<const Bitmap> absent;  // rows without a vector here; null where all have one
  SparseView sparse = {};                // instead of vectors and codes

  // Where a space is multi there are no codes, and `vectors` has those of each row one behind the
  // other.
  struct Span {
    uint32_t first;
    uint32_t count;  // 0 where absent
  };
  RowArray::View spans = {};
};

struct View {
  // A record of `slots`. The id lies in the arena: two bytes of length, then the text.
  struct Slot {
    int64_t seq;
    const char* id;
  };

  uint32_t rows = 0;
  uint32_t live = 0;
  RowArray::View slots;
  std::shared_ptr<const void> ids;     // keeps the arena
  std::shared_ptr<const Bitmap> dead;  // null where none is
  std::vector<SpaceView> spaces;
  std::vector<std::shared_ptr<const PayloadBlock>> payloads;  // one behind the other, all rows
  WordView words;
  // When each row's point ends. Of no use while `next_expiry`, of the live rows, is kNever.
  RowArray::View expiries;
  Expiry next_expiry = kNever;

  int64_t SeqOf(uint32_t row) const { return slots.As<Slot>(row).seq; }
  std::string_view IdOf(uint32_t row) const;
  bool IsDead(uint32_t row) const { return dead != nullptr && dead->Test(row); }
  // The live row of a point, or `rows` where there is none.
  uint32_t FindSeq(int64_t seq) const;
  bool HasVector(uint32_t row, size_t space) const;
  // Which rows' points have ended; nothing where no live one has.
  std::optional<Bitmap> Expired(Expiry now) const;
};

}  // namespace weir::vectors
