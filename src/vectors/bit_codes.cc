#include "vectors/bit_codes.h"

#include <bit>
#include <cmath>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace weir::vectors {
namespace {

const uint8_t* BitsOf(const std::byte* record) {
  return reinterpret_cast<const uint8_t*>(record + sizeof(CodeHead));
}

// One sign for each component and round, by chance but always the same.
bool IsTurned(size_t component, uint32_t round) {
  uint64_t x = (uint64_t{round} << 32 | component) + 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return ((x ^ (x >> 31)) & 1) != 0;
}

// Hadamard's transform in place, of a power of two components: sums and differences of all pairs
// that are 1, 2, 4, ... apart, scaled so that the length stays.
void Spread(std::span<float> x) {
  for (size_t apart = 1; apart < x.size(); apart *= 2) {
    for (size_t from = 0; from < x.size(); from += 2 * apart) {
      for (size_t i = from; i < from + apart; ++i) {
        const float a = x[i];
        const float b = x[i + apart];
        x[i] = a + b;
        x[i + apart] = a - b;
      }
    }
  }
  const float scale = 1 / std::sqrt(static_cast<float>(x.size()));
  for (float& value : x) value *= scale;
}

void ProductsPortable(const CodeQuery& query, const std::byte* const* records, size_t count,
                      int32_t* products) {
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* bits = BitsOf(records[r]);
    int32_t sum = 0;
    for (size_t i = 0; i < query.bytes.size(); ++i) {
      sum += (bits[i / 8] >> (i % 8) & 1) != 0 ? query.bytes[i] : -query.bytes[i];
    }
    products[r] = sum;
  }
}

#if defined(__x86_64__)

// The sum of the bytes whose bits are set; all bytes less twice the others is what is wanted.
[[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] void ProductsVnni(
    const CodeQuery& query, const std::byte* const* records, size_t count, int32_t* products) {
  constexpr size_t kStep = 64;
  constexpr __mmask64 kHalf = 0xffffffff;
  const size_t size = query.bytes.size();
  const int8_t* bytes = query.bytes.data();
  const int32_t all = query.offset / kCodeZero;
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* bits = BitsOf(records[r]);
    __m512i sum = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + kStep <= size; i += kStep) {
      uint64_t set;
      std::memcpy(&set, bits + i / 8, sizeof(set));
      sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_set1_epi8(set, 1), _mm512_loadu_si512(bytes + i));
    }
    if (i < size) {
      uint32_t set;
      std::memcpy(&set, bits + i / 8, sizeof(set));
      sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_set1_epi8(set, 1),
                                _mm512_maskz_loadu_epi8(kHalf, bytes + i));
    }
    products[r] = 2 * _mm512_reduce_add_epi32(sum) - all;
  }
}

// Each byte of the query with the sign of its bit, turned round: sign(q, -1) is -q.
[[gnu::target("avx2")]] void ProductsAvx2(const CodeQuery& query, const std::byte* const* records,
                                          size_t count, int32_t* products) {
  const __m256i each =
      _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201ULL));
  const __m256i ones = _mm256_set1_epi8(1);
  const __m256i wide_ones = _mm256_set1_epi16(1);
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* bits = BitsOf(records[r]);
    __m256i sum = _mm256_setzero_si256();
    for (size_t i = 0; i < query.bytes.size(); i += kCodeBlock) {
      int32_t four;
      std::memcpy(&four, bits + i / 8, sizeof(four));
      const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(four), each);
      const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);  // -1 where set
      const __m256i q =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query.bytes.data() + i));
      const __m256i turned = _mm256_sign_epi8(q, _mm256_or_si256(set, ones));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(ones, turned), wide_ones));
    }
    const __m128i half =
        _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    const __m128i quarter = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    products[r] = -_mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32(quarter, 0xb1)));
  }
}

#elif defined(__aarch64__)

void ProductsNeon(const CodeQuery& query, const std::byte* const* records, size_t count,
                  int32_t* products) {
  constexpr uint8_t kBits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t bit = vld1q_u8(kBits);
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* bits = BitsOf(records[r]);
    int32x4_t sum = vdupq_n_s32(0);
    for (size_t i = 0; i < query.bytes.size(); i += 16) {
      const uint8x16_t two = vcombine_u8(vdup_n_u8(bits[i / 8]), vdup_n_u8(bits[i / 8 + 1]));
      const int8x16_t q = vld1q_s8(query.bytes.data() + i);
      const int8x16_t with_sign = vbslq_s8(vtstq_u8(two, bit), q, vnegq_s8(q));
      sum = vpadalq_s16(sum, vpaddlq_s8(with_sign));
    }
    products[r] = vaddvq_s32(sum);
  }
}

#endif

std::vector<BitKernels> FindKernels() {
  std::vector<BitKernels> found;
#if defined(__x86_64__)
  if (HasAvx512Vnni()) {
    found.push_back({"avx512-vnni", ProductsVnni});
  }
  if (__builtin_cpu_supports("avx2")) found.push_back({"avx2", ProductsAvx2});
#elif defined(__aarch64__)
  found.push_back({"neon", ProductsNeon});
#endif
  found.push_back({"portable", ProductsPortable});
  return found;
}

}  // namespace

// Signs by chance and Hadamard's transform, in turn, mix all components with all others. Where
// their count is no power of two the transform runs over the first and over the last of them.
std::vector<float> Rotated(std::span<const float> vector, size_t dimensions) {
  constexpr uint32_t kRounds = 3;
  std::vector<float> x(vector.begin(), vector.begin() + static_cast<ptrdiff_t>(dimensions));
  const size_t size = std::bit_floor(dimensions);
  for (uint32_t round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < dimensions; ++i) {
      if (IsTurned(i, round)) x[i] = -x[i];
    }
    Spread(std::span(x).first(size));
    if (size < dimensions) Spread(std::span(x).last(size));
  }
  return x;
}

void EncodeBits(std::span<const float> prepared, size_t dimensions, std::byte* record) {
  const auto x = Rotated(prepared, dimensions);
  std::vector<uint8_t> bits(CodeBytes(dimensions) / 8);
  double squares = 0;
  double magnitudes = 0;
  for (size_t i = 0; i < dimensions; ++i) {
    squares += static_cast<double>(x[i]) * x[i];
    magnitudes += std::fabs(x[i]);
    if (x[i] >= 0) bits[i / 8] = static_cast<uint8_t>(bits[i / 8] | 1U << (i % 8));
  }
  // With it the estimate of a vector's product with itself is right.
  const float scale = magnitudes > 0 ? static_cast<float>(squares / magnitudes) : 0;
  const CodeHead head{scale, static_cast<float>(squares)};
  std::memcpy(record, &head, sizeof(head));
  std::memcpy(record + sizeof(head), bits.data(), bits.size());
}

std::span<const BitKernels> BitKernelsHere() {
  static const std::vector<BitKernels> kernels = FindKernels();
  return kernels;
}

}  // namespace weir::vectors
