#include "vectors/codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace weir::vectors {
namespace {

const uint8_t* CodeOf(const std::byte* record) {
  return reinterpret_cast<const uint8_t*>(record + sizeof(CodeHead));
}

float ScaleOf(std::span<const float> vector) {
  float largest = 0;
  for (const float x : vector) largest = std::max(largest, std::fabs(x));
  return largest / 127;
}

// From -127 to 127.
int Quantise(float x, float scale) {
  return scale == 0 ? 0 : std::clamp(static_cast<int>(std::lrint(x / scale)), -127, 127);
}

[[gnu::always_inline]] inline int32_t SignedBytesBody(const uint8_t* code, int8_t* bytes,
                                                      size_t size) {
  int32_t sum = 0;
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<int8_t>(code[i] ^ kCodeZero);
    sum += bytes[i];
  }
  return sum;
}

int32_t SignedBytesPortable(const uint8_t* code, int8_t* bytes, size_t size) {
  return SignedBytesBody(code, bytes, size);
}

void ProductsPortable(const CodeQuery& query, const std::byte* const* records, size_t count,
                      int32_t* products) {
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* code = CodeOf(records[r]);
    int32_t sum = 0;
    for (size_t i = 0; i < query.bytes.size(); ++i) sum += (code[i] - kCodeZero) * query.bytes[i];
    products[r] = sum;
  }
}

#if defined(__x86_64__)

[[gnu::target("avx2")]] int32_t SignedBytesAvx2(const uint8_t* code, int8_t* bytes, size_t size) {
  return SignedBytesBody(code, bytes, size);
}

// Four records at once, so that each piece of the query is loaded once for all of them. The sums
// run over code and query as they are; `offset` takes off what the 128 added.
[[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] void ProductsVnni(
    const CodeQuery& query, const std::byte* const* records, size_t count, int32_t* products) {
  const size_t size = query.bytes.size();
  const int8_t* bytes = query.bytes.data();
  constexpr size_t kStep = 64;
  constexpr __mmask64 kHalf = 0xffffffff;
  size_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const uint8_t* codes[4];
    __m512i sums[4];
    for (size_t j = 0; j < 4; ++j) {
      codes[j] = CodeOf(records[r + j]);
      sums[j] = _mm512_setzero_si512();
    }
    size_t i = 0;
    for (; i + kStep <= size; i += kStep) {
      const __m512i part = _mm512_loadu_si512(bytes + i);
      for (size_t j = 0; j < 4; ++j) {
        sums[j] = _mm512_dpbusd_epi32(sums[j], _mm512_loadu_si512(codes[j] + i), part);
      }
    }
    if (i < size) {
      const __m512i part = _mm512_maskz_loadu_epi8(kHalf, bytes + i);
      for (size_t j = 0; j < 4; ++j) {
        sums[j] = _mm512_dpbusd_epi32(sums[j], _mm512_maskz_loadu_epi8(kHalf, codes[j] + i), part);
      }
    }
    for (size_t j = 0; j < 4; ++j) {
      products[r + j] = _mm512_reduce_add_epi32(sums[j]) - query.offset;
    }
  }
  for (; r < count; ++r) {
    const uint8_t* code = CodeOf(records[r]);
    __m512i sum = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + kStep <= size; i += kStep) {
      sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(code + i), _mm512_loadu_si512(bytes + i));
    }
    if (i < size) {
      sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_loadu_epi8(kHalf, code + i),
                                _mm512_maskz_loadu_epi8(kHalf, bytes + i));
    }
    products[r] = _mm512_reduce_add_epi32(sum) - query.offset;
  }
}

// maddubs takes one unsigned and one signed side and saturates at 16 bits: with magnitudes up to
// 127 on both sides two products stay inside.
[[gnu::target("avx2")]] void ProductsAvx2(const CodeQuery& query, const std::byte* const* records,
                                          size_t count, int32_t* products) {
  const __m256i zero = _mm256_set1_epi8(static_cast<char>(kCodeZero));
  const __m256i ones = _mm256_set1_epi16(1);
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* code = CodeOf(records[r]);
    __m256i sum = _mm256_setzero_si256();
    for (size_t i = 0; i < query.bytes.size(); i += kCodeBlock) {
      const __m256i q =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query.bytes.data() + i));
      const __m256i c =
          _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(code + i)), zero);
      const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(c, q));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
    const __m128i half =
        _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    const __m128i quarter = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    products[r] = _mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32(quarter, 0xb1)));
  }
}

#elif defined(__aarch64__)

void ProductsNeon(const CodeQuery& query, const std::byte* const* records, size_t count,
                  int32_t* products) {
  const uint8x16_t zero = vdupq_n_u8(kCodeZero);
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* code = CodeOf(records[r]);
    int32x4_t sum = vdupq_n_s32(0);
    for (size_t i = 0; i < query.bytes.size(); i += 16) {
      const int8x16_t q = vld1q_s8(query.bytes.data() + i);
      const int8x16_t c = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(code + i), zero));
      sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(c), vget_low_s8(q)));
      sum = vpadalq_s16(sum, vmull_high_s8(c, q));
    }
    products[r] = vaddvq_s32(sum);
  }
}

#endif

}  // namespace

bool HasAvx512Vnni() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

namespace {

std::vector<CodeKernels> FindKernels() {
  std::vector<CodeKernels> found;
#if defined(__x86_64__)
  if (HasAvx512Vnni()) {
    found.push_back({"avx512-vnni", ProductsVnni, SignedBytesAvx2});
  }
  if (__builtin_cpu_supports("avx2")) found.push_back({"avx2", ProductsAvx2, SignedBytesAvx2});
#elif defined(__aarch64__)
  found.push_back({"neon", ProductsNeon, SignedBytesPortable});
#endif
  found.push_back({"portable", ProductsPortable, SignedBytesPortable});
  return found;
}

float SquaresOf(std::span<const float> vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  return static_cast<float>(squares);
}

}  // namespace

void Encode(std::span<const float> prepared, size_t dimensions, std::byte* record) {
  const CodeHead head{ScaleOf(prepared), SquaresOf(prepared)};
  std::memcpy(record, &head, sizeof(head));
  auto* code = reinterpret_cast<uint8_t*>(record + sizeof(head));
  for (size_t i = 0; i < dimensions; ++i) {
    code[i] = static_cast<uint8_t>(Quantise(prepared[i], head.scale) + kCodeZero);
  }
  std::fill(code + dimensions, code + CodeBytes(dimensions), static_cast<uint8_t>(kCodeZero));
}

CodeQuery::CodeQuery(Metric of, std::span<const float> prepared, size_t dimensions)
    : metric(of),
      scale(ScaleOf(prepared)),
      squares(SquaresOf(prepared)),
      bytes(CodeBytes(dimensions)) {
  for (size_t i = 0; i < dimensions; ++i) {
    bytes[i] = static_cast<int8_t>(Quantise(prepared[i], scale));
    offset += kCodeZero * bytes[i];
  }
}

CodeQuery::CodeQuery(Metric of, const std::byte* record, size_t dimensions)
    : metric(of), bytes(CodeBytes(dimensions)) {
  Become(record);
}

void CodeQuery::Become(const std::byte* record) {
  scale = HeadOf(record).scale;
  squares = HeadOf(record).squares;
  offset = kCodeZero *
           CodeKernelsHere().front().signed_bytes(CodeOf(record), bytes.data(), bytes.size());
}

std::span<const CodeKernels> CodeKernelsHere() {
  static const std::vector<CodeKernels> kernels = FindKernels();
  return kernels;
}

}  // namespace weir::vectors
