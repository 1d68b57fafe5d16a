#include "llama/quantize.h"

#include <fmt/format.h>
#include <llama.h>

#include <charconv>
#include <string_view>

#include "llama/model.h"

namespace weir::llama {
namespace {

// Of tensor rows at once; the file itself is mapped.
constexpr size_t kBufferBytesMax = size_t{1} << 30;

// What libllama says, for as long as one of these lives.
class Listener {
 public:
  explicit Listener(const std::function<void(float)>& on_progress) : on_progress_(on_progress) {
    llama_log_get(&before_, &before_data_);
    llama_log_set(Hear, this);
  }
  ~Listener() { llama_log_set(before_, before_data_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const std::string& error() const { return error_; }

 private:
  static void Hear(ggml_log_level level, const char* text, void* self) {
    auto* listener = static_cast<Listener*>(self);
    std::string_view line(text);
    while (line.ends_with('\n')) line.remove_suffix(1);
    if (level == GGML_LOG_LEVEL_ERROR) listener->error_ = line;
    listener->TakeProgress(line);
  }

  // "[  12/ 290] blk.0.attn_k.weight - [...": the twelfth tensor begins.
  void TakeProgress(std::string_view line) {
    if (!line.starts_with('[')) return;
    line.remove_prefix(1);
    const auto number = [&](char end) {
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      int value = 0;
      const auto read = std::from_chars(line.data(), line.data() + line.size(), value);
      line.remove_prefix(static_cast<size_t>(read.ptr - line.data()));
      const bool whole = read.ec == std::errc() && line.starts_with(end);
      if (whole) line.remove_prefix(1);
      return whole ? value : 0;
    };
    const int at = number('/');
    const int all = number(']');
    if (at > 0 && all >= at && on_progress_)
      on_progress_(static_cast<float>(at - 1) / static_cast<float>(all));
  }

  const std::function<void(float)>& on_progress_;
  std::string error_ = {};
  ggml_log_callback before_ = nullptr;
  void* before_data_ = nullptr;
};

}  // namespace

Result<void> Quantize(const std::string& from, const std::string& to,
                      const QuantizeSettings& settings,
                      const std::function<void(float)>& on_progress) {
  StartBackend();
  const Listener listener(on_progress);
  llama_model_quantize_params params = llama_model_quantize_default_params();
  params.ftype = static_cast<llama_ftype>(settings.type);
  params.nthread = settings.threads;
  params.allow_requantize = settings.again;
  params.max_buf_size = kBufferBytesMax;
  if (llama_model_quantize(from.c_str(), to.c_str(), &params) != 0) {
    return Fail(Code::kUnprocessable,
                fmt::format("libllama cannot quantise this model; it says: {}",
                            listener.error().empty() ? "nothing" : listener.error()),
                {}, "quantize_failed");
  }
  return {};
}

}  // namespace weir::llama
