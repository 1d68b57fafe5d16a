// A filter against the payload index: which rows match for certain, and which have to be looked at
// one by one (filter_match.h) because the index does not know enough about them. Pure; any thread.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "vectors/bitmap.h"
#include "vectors/filter.h"
#include "vectors/types.h"
#include "vectors/view.h"

namespace weir::vectors {

struct FilterBits {
  Bitmap yes;
  Bitmap maybe;  // not in `yes`
};

// `ids` gives the row of an id, or view.rows where there is none. Rows that are dead are not left
// out.
FilterBits Evaluate(const View& view, std::span<const Space> spaces, const Filter& filter,
                    const std::function<uint32_t(std::string_view id)>& ids);

}  // namespace weir::vectors
