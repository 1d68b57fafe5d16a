// The matrix products that ggml computes with weights repacked for this machine, against its plain
// ones: one row, few and many take other kernels (tools/patches adds a type to them).
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace weir::llama {
namespace {

constexpr int64_t kIn = 512;
constexpr int64_t kOut = 96;

using Context = std::unique_ptr<ggml_context, decltype(&ggml_free)>;
using Buffer = std::unique_ptr<ggml_backend_buffer, decltype(&ggml_backend_buffer_free)>;
using Backend = std::unique_ptr<ggml_backend, decltype(&ggml_backend_free)>;

Context MakeContext() {
  return {ggml_init({.mem_size = size_t{1} << 20, .mem_buffer = nullptr, .no_alloc = true}),
          &ggml_free};
}

std::vector<float> Drawn(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> draw(-1, 1);
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(draw(random));
  return values;
}

std::vector<ggml_backend_buffer_type_t> RepackedBuffers(ggml_backend_dev_t device) {
  std::vector<ggml_backend_buffer_type_t> types;
  const auto get =
      reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(ggml_backend_reg_get_proc_address(
          ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts"));
  if (get == nullptr) return types;
  for (auto* type = get(device); type != nullptr && *type != nullptr; ++type)
    types.push_back(*type);
  return types;
}

// Of weights of `type` in a buffer of `where` with `rows` rows; nothing where there is no kernel.
std::optional<std::vector<float>> ProductOf(ggml_backend* cpu, ggml_backend_buffer_type_t where,
                                            ggml_type type, int64_t rows) {
  const Context of_weights = MakeContext();
  ggml_tensor* weights = ggml_new_tensor_2d(of_weights.get(), type, kIn, kOut);
  const Buffer held{ggml_backend_alloc_ctx_tensors_from_buft(of_weights.get(), where),
                    &ggml_backend_buffer_free};
  const Context of_product = MakeContext();
  ggml_tensor* input = ggml_new_tensor_2d(of_product.get(), GGML_TYPE_F32, kIn, rows);
  ggml_tensor* product = ggml_mul_mat(of_product.get(), weights, input);
  ggml_cgraph* graph = ggml_new_graph(of_product.get());
  ggml_build_forward_expand(graph, product);
  const Buffer scratch{
      ggml_backend_alloc_ctx_tensors_from_buft(of_product.get(), ggml_backend_cpu_buffer_type()),
      &ggml_backend_buffer_free};
  if (!ggml_backend_dev_supports_op(ggml_backend_get_device(cpu), product)) return std::nullopt;

  std::vector<uint8_t> quantised(ggml_nbytes(weights));
  ggml_quantize_chunk(type, Drawn(kIn * kOut, 1).data(), quantised.data(), 0, kOut, kIn, nullptr);
  ggml_backend_tensor_set(weights, quantised.data(), 0, quantised.size());
  const std::vector<float> values = Drawn(kIn * rows, 2);
  ggml_backend_tensor_set(input, values.data(), 0, ggml_nbytes(input));
  EXPECT_EQ(ggml_backend_graph_compute(cpu, graph), GGML_STATUS_SUCCESS);
  std::vector<float> result(static_cast<size_t>(kOut * rows));
  ggml_backend_tensor_get(product, result.data(), 0, ggml_nbytes(product));
  return result;
}

class RepackedProduct : public testing::TestWithParam<ggml_type> {};

TEST_P(RepackedProduct, IsThePlainProduct) {
  const Backend cpu{ggml_backend_cpu_init(), &ggml_backend_free};
  ggml_backend_cpu_set_n_threads(cpu.get(), 2);
  int compared = 0;
  for (auto* where : RepackedBuffers(ggml_backend_get_device(cpu.get()))) {
    for (const int64_t rows : {1, 2, 7, 16, 17, 24, 32, 33, 64}) {
      SCOPED_TRACE(testing::Message() << ggml_backend_buft_name(where) << ", " << rows << " rows");
      const auto got = ProductOf(cpu.get(), where, GetParam(), rows);
      if (!got) continue;
      ++compared;
      const auto plain =
          ProductOf(cpu.get(), ggml_backend_cpu_buffer_type(), GetParam(), rows).value();
      double worst = 0;
      double scale = 0;
      for (size_t i = 0; i < plain.size(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(plain[i]) - (*got)[i]));
        scale = std::max(scale, std::abs(static_cast<double>(plain[i])));
      }
      EXPECT_LT(worst, 0.005 * scale);
      EXPECT_GT(scale, 1) << "the product of nothing is no proof";
    }
  }
  if (compared == 0) GTEST_SKIP() << "this machine has no kernel of its own for the type";
}

INSTANTIATE_TEST_SUITE_P(Types, RepackedProduct,
                         testing::Values(GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0,
                                         GGML_TYPE_Q8_0, GGML_TYPE_Q4_K, GGML_TYPE_Q5_K,
                                         GGML_TYPE_Q6_K),
                         [](const auto& info) { return std::string(ggml_type_name(info.param)); });

}  // namespace
}  // namespace weir::llama
