#include "llama/logit_math.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

// Two versions of each pass, chosen when the program starts; sanitizers do not get on with that.
#if defined(__x86_64__) && defined(__clang__) && !__has_feature(address_sanitizer) && \
    !__has_feature(thread_sanitizer)
#define WEIR_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define WEIR_VECTOR_CLONES
#endif

namespace weir::llama {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();
constexpr size_t kLanes = 16;
constexpr size_t kBlock = 4096;  // summed in float lanes before it goes into a double

// e^x for x in [-87, 0]; below it is e^-87, above is never asked. Cephes' polynomial: relative
// error under 2e-7.
__attribute__((always_inline)) inline float Exp(float x) {
  x = x > -87.0f ? x : -87.0f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves the rounded integer
  const float shifted = x * 1.44269504088896341f + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float e = p * r * r + r + 1.0f;
  const int32_t exponent = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound);
  return e * std::bit_cast<float>((exponent + 127) << 23);
}

bool Before(const Ranked& a, const Ranked& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

WEIR_VECTOR_CLONES void LanePeaks(const float* x, size_t count, float* first, float* second) {
  for (size_t i = 0; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float value = x[i + lane];
      const float low = value > first[lane] ? first[lane] : value;
      first[lane] = value > first[lane] ? value : first[lane];
      second[lane] = low > second[lane] ? low : second[lane];
    }
  }
}

WEIR_VECTOR_CLONES void LaneSums(const float* x, size_t count, float shift, float* sums,
                                 float* weighted) {
  for (size_t i = 0; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      float d = x[i + lane] - shift;
      d = d > -87.0f ? d : -87.0f;
      const float e = Exp(d);
      sums[lane] += e;
      weighted[lane] += d * e;
    }
  }
}

WEIR_VECTOR_CLONES void LaneExponentials(const float* x, size_t count, float shift, float scale,
                                         float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = Exp((x[i] - shift) * scale);
}

WEIR_VECTOR_CLONES float BlockMaximum(const float* x) {
  float lanes[kLanes];
  for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = x[lane];
  for (size_t i = kLanes; i < 4 * kLanes; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    }
  }
  float maximum = kLowest;
  for (const float lane : lanes) maximum = lane > maximum ? lane : maximum;
  return maximum;
}

}  // namespace

Peaks FindPeaks(std::span<const float> logits) {
  float first[kLanes];
  float second[kLanes];
  std::fill_n(first, kLanes, kLowest);
  std::fill_n(second, kLanes, kLowest);
  LanePeaks(logits.data(), logits.size(), first, second);
  Peaks peaks{kLowest, kLowest};
  const auto take = [&](float value) {
    if (value > peaks.first) {
      peaks.second = peaks.first;
      peaks.first = value;
    } else if (value > peaks.second) {
      peaks.second = value;
    }
  };
  for (size_t lane = 0; lane < kLanes; ++lane) {
    take(first[lane]);
    take(second[lane]);
  }
  for (size_t i = logits.size() / kLanes * kLanes; i < logits.size(); ++i) take(logits[i]);
  return peaks;
}

Mass SumExponentials(std::span<const float> logits, float shift) {
  Mass mass;
  for (size_t start = 0; start < logits.size(); start += kBlock) {
    const size_t count = std::min(kBlock, logits.size() - start);
    float sums[kLanes] = {};
    float weighted[kLanes] = {};
    LaneSums(logits.data() + start, count, shift, sums, weighted);
    for (size_t i = count / kLanes * kLanes; i < count; ++i) {
      const float d = std::max(logits[start + i] - shift, -87.0f);
      sums[0] += Exp(d);
      weighted[0] += d * Exp(d);
    }
    for (size_t lane = 0; lane < kLanes; ++lane) {
      mass.sum += static_cast<double>(sums[lane]);
      mass.weighted += static_cast<double>(weighted[lane]);
    }
  }
  return mass;
}

double Exponentials(std::span<const float> logits, float shift, float scale, std::span<float> out) {
  LaneExponentials(logits.data(), logits.size(), shift, scale, out.data());
  double sum = 0;
  for (const float value : out) sum += static_cast<double>(value);
  return sum;
}

// A heap of the best so far, whose worst is at the front; blocks whose maximum cannot get into it
// are skipped whole.
void SelectTop(std::span<const float> logits, size_t count, std::vector<Ranked>& top) {
  top.clear();
  if (count == 0) return;
  constexpr size_t kStride = 4 * kLanes;
  const auto offer = [&](size_t i) {
    const float logit = logits[i];
    if (!(logit > kLowest)) return;
    const Ranked ranked{logit, static_cast<int32_t>(i)};
    if (top.size() < count) {
      top.push_back(ranked);
      if (top.size() == count) std::make_heap(top.begin(), top.end(), Before);
    } else if (Before(ranked, top.front())) {
      std::pop_heap(top.begin(), top.end(), Before);
      top.back() = ranked;
      std::push_heap(top.begin(), top.end(), Before);
    }
  };
  size_t i = 0;
  for (; i + kStride <= logits.size(); i += kStride) {
    if (top.size() == count && BlockMaximum(logits.data() + i) <= top.front().logit) continue;
    for (size_t j = 0; j < kStride; ++j) offer(i + j);
  }
  for (; i < logits.size(); ++i) offer(i);
  std::sort(top.begin(), top.end(), Before);
}

}  // namespace weir::llama
