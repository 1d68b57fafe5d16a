#include "llama/projector.h"

#include <fmt/format.h>
#include <llama.h>
#include <mtmd.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <span>
#include <utility>

#include "base/random.h"
#include "llama/picture.h"
#include "llama/quiet.h"

// Of the tree's vendor/hash, whose header has the name of one of ours.
std::string hash_sha256_hex(const void* data, size_t size);

namespace weir::llama {
namespace {

std::string DigestOf(std::string_view bytes) { return hash_sha256_hex(bytes.data(), bytes.size()); }

std::unexpected<Error> Unsupported(const char* what) {
  return Fail(Code::kInvalidArgument,
              fmt::format("images are not computed for this model yet: {}", what), {},
              "projector_unsupported");
}

std::unexpected<Error> NotRead() {
  return Fail(Code::kInvalidArgument, "the model's projector cannot read this image", {},
              "image_invalid");
}

uint64_t Mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

// Below kNoToken. Of 30 bits that nobody knows beforehand: with another image in its place, one row
// in 2^30 would be taken for that image's.
Token VirtualId(uint64_t image, uint64_t row) {
  const uint64_t drawn = Mixed(image + (row + 1) * 0x9E3779B97F4A7C15ull);
  return kNoToken - 1 - static_cast<Token>(drawn >> 34);
}

bool CountsInDirections(const llama_model* model) {
  const llama_rope_type type = llama_model_rope_type(model);
  return type == LLAMA_ROPE_TYPE_MROPE || type == LLAMA_ROPE_TYPE_IMROPE;
}

Place PlaceOf(const mtmd_image_tokens* image, int32_t from, size_t index) {
  const mtmd_decoder_pos place = mtmd_image_tokens_get_decoder_pos(image, from, index);
  return {static_cast<int32_t>(place.t), static_cast<int32_t>(place.y),
          static_cast<int32_t>(place.x)};
}

// Whether all that an image's rows say of where they stand is how far that is from its beginning.
bool MovesWithText(const mtmd_input_chunk* chunk) {
  const mtmd_image_tokens* image = mtmd_input_chunk_get_tokens_image(chunk);
  if (image == nullptr) return true;
  constexpr int32_t kFurther = 1000;
  for (size_t i = 0; i < mtmd_input_chunk_get_n_tokens(chunk); ++i) {
    const Place here = PlaceOf(image, 0, i), there = PlaceOf(image, kFurther, i);
    if (there.time - here.time != kFurther || there.down - here.down != kFurther ||
        there.across - here.across != kFurther ||
        mtmd_image_tokens_get_decoder_pos(image, 0, i).z != 0) {
      return false;
    }
  }
  return true;
}

uint64_t FirstBits(std::string_view hexadecimal) {
  uint64_t bits = 0;
  std::from_chars(hexadecimal.data(), hexadecimal.data() + 16, bits, 16);
  return bits;
}

}  // namespace

void Projector::FreeChunks::operator()(mtmd_input_chunks* chunks) const {
  mtmd_input_chunks_free(chunks);
}

Projector::Projector(const Model& model, mtmd_context* context)
    : model_(model),
      context_(context),
      mutual_(mtmd_decode_use_non_causal(context, nullptr)),
      secret_(32, '\0') {
  FillRandom(std::as_writable_bytes(std::span(secret_)));
}

Projector::~Projector() { mtmd_free(context_); }

Result<std::unique_ptr<Projector>> Projector::Load(const std::string& path, const Model& model,
                                                   int32_t threads) {
  StartBackend();
  mtmd_context_params params = mtmd_context_params_default();
  params.use_gpu = model.facts().gpu_layers > 0;
  params.print_timings = false;
  params.n_threads = threads;
  params.warmup = false;
  if (CountsInDirections(model.raw())) params.image_max_tokens = kImageRowsMax;
  mtmd_context* context = mtmd_init_from_file(path.c_str(), model.raw(), params);
  if (context == nullptr) {
    return Fail(
        Code::kInvalidArgument,
        "libmtmd cannot put this projector (mmproj) on the model; it has to be the one made "
        "for it, and the log of the engine says more",
        {}, "projector_invalid");
  }
  std::unique_ptr<Projector> projector(new Projector(model, context));
  if (auto checked = projector->CheckKind(); !checked) return Fail(checked.error());
  return projector;
}

Result<void> Projector::CheckKind() const {
  if (!mtmd_support_vision(context_)) return Unsupported("its projector does not read images");
  constexpr int32_t kSide = 64;
  const auto chunks = Cut(kSide, kSide, nullptr);
  for (size_t i = 0; chunks && i < mtmd_input_chunks_size(chunks->get()); ++i) {
    if (mtmd_decode_use_mrope(context_) && !MovesWithText(mtmd_input_chunks_get(chunks->get(), i)))
      return Unsupported("where the rows of its images stand is not counted from the text");
  }
  if (chunks && TokensOf(**chunks)) return {};
  return Fail(Code::kInvalidArgument,
              "the model has no tokens for what its projector (mmproj) puts around images; it has "
              "to be the one made for it",
              {}, "projector_invalid");
}

// Without pixels the pieces are those of an image of this size, and cannot be encoded.
Result<Projector::Chunks> Projector::Cut(int32_t width, int32_t height,
                                         const uint8_t* pixels) const {
  const Quiet quiet;
  try {
    const std::unique_ptr<mtmd_bitmap, void (*)(mtmd_bitmap*)> bitmap(
        mtmd_bitmap_init(static_cast<uint32_t>(width), static_cast<uint32_t>(height), pixels),
        mtmd_bitmap_free);
    Chunks chunks(mtmd_input_chunks_init());
    const mtmd_input_part part{.text = nullptr, .bitmap = bitmap.get()};
    const mtmd_input_part* const parts[] = {&part};
    if (mtmd_tokenize_from_parts(context_, chunks.get(), parts, 1, /*add_special=*/false) != 0)
      return NotRead();
    return chunks;
  } catch (const std::exception&) {
    return NotRead();
  }
}

Result<std::vector<Token>> Projector::TokensOf(const mtmd_input_chunks& chunks) const {
  std::vector<Token> tokens;
  size_t rows = 0;
  for (size_t i = 0; i < mtmd_input_chunks_size(&chunks); ++i) {
    const mtmd_input_chunk* chunk = mtmd_input_chunks_get(&chunks, i);
    if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_TEXT) {
      size_t count = 0;
      const llama_token* text = mtmd_input_chunk_get_tokens_text(chunk, &count);
      for (const Token token : std::span(text, count)) {
        // libmtmd looks words up by their text, and puts none where there is none.
        if (!model_.vocabulary().Contains(token)) return NotRead();
        tokens.push_back(token);
      }
      continue;
    }
    const size_t count = mtmd_input_chunk_get_n_tokens(chunk);
    tokens.insert(tokens.end(), count, kNoToken);
    rows += count;
  }
  if (rows == 0) return NotRead();
  return tokens;
}

// Nothing for a model whose positions are those of the rows.
std::optional<EncodedImage::Layout> Projector::LayoutOf(const mtmd_input_chunks& chunks) const {
  if (!mtmd_decode_use_mrope(context_)) return std::nullopt;
  EncodedImage::Layout layout;
  for (size_t i = 0; i < mtmd_input_chunks_size(&chunks); ++i) {
    const mtmd_input_chunk* chunk = mtmd_input_chunks_get(&chunks, i);
    const mtmd_image_tokens* image = mtmd_input_chunk_get_tokens_image(chunk);
    for (size_t row = 0; row < mtmd_input_chunk_get_n_tokens(chunk); ++row) {
      const int32_t text = layout.steps + static_cast<int32_t>(row);
      layout.places.push_back(image == nullptr ? Place{text, text, text}
                                               : PlaceOf(image, layout.steps, row));
    }
    layout.steps += mtmd_input_chunk_get_n_pos(chunk);
  }
  return layout;
}

Result<std::vector<Token>> Projector::TokensOf(std::string_view file) const {
  const auto size = ReadPictureSize(file);
  if (!size) return Fail(size.error());
  const auto chunks = Cut(size->width, size->height, nullptr);
  if (!chunks) return Fail(chunks.error());
  return TokensOf(**chunks);
}

Result<std::shared_ptr<const EncodedImage>> Projector::Encode(std::string_view file,
                                                              const std::atomic<bool>& cancelled) {
  const std::string digest = DigestOf(file);
  if (auto kept = Find(digest)) return kept;
  auto picture = ReadPicture(file);
  if (!picture) return Fail(picture.error());
  const auto chunks = Cut(picture->size.width, picture->size.height, picture->pixels.data());
  picture->pixels = {};
  if (!chunks) return Fail(chunks.error());
  auto tokens = TokensOf(**chunks);
  if (!tokens) return Fail(tokens.error());
  auto rows = RowsOf(**chunks, cancelled);
  if (!rows) return Fail(rows.error());
  const uint64_t seed = FirstBits(DigestOf(secret_ + digest));
  uint64_t row = 0;
  for (Token& token : *tokens) {
    if (token == kNoToken) token = VirtualId(seed, row++);
  }
  auto image = std::make_shared<const EncodedImage>(std::move(*tokens), std::move(*rows), mutual_,
                                                    alive_, LayoutOf(**chunks));
  Keep(digest, image);
  return image;
}

Result<std::vector<float>> Projector::RowsOf(const mtmd_input_chunks& chunks,
                                             const std::atomic<bool>& cancelled) {
  const auto row_size = static_cast<size_t>(llama_model_n_embd_inp(model_.raw()));
  size_t rows_count = 0;
  for (size_t i = 0; i < mtmd_input_chunks_size(&chunks); ++i) {
    const mtmd_input_chunk* chunk = mtmd_input_chunks_get(&chunks, i);
    if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_IMAGE)
      rows_count += mtmd_input_chunk_get_n_tokens(chunk);
  }
  const size_t bytes = rows_count * row_size * sizeof(float);
  if (*alive_ + bytes > kRowBytesMax) Forget(0);
  if (*alive_ + bytes > kRowBytesMax) {
    return Fail(Error{.code = Code::kUnavailable,
                      .message = "the images of requests that wait take all the memory that images "
                                 "may have; try again",
                      .reason = "images_full",
                      .retry_after_s = 5});
  }
  const Quiet quiet;
  std::vector<float> rows;
  rows.reserve(rows_count * row_size);
  for (size_t i = 0; i < mtmd_input_chunks_size(&chunks); ++i) {
    const mtmd_input_chunk* chunk = mtmd_input_chunks_get(&chunks, i);
    if (mtmd_input_chunk_get_type(chunk) != MTMD_INPUT_CHUNK_TYPE_IMAGE) continue;
    if (cancelled) return Fail(Code::kCancelled, "cancelled");
    if (mtmd_encode_chunk(context_, chunk) != 0) return NotRead();
    const float* made = mtmd_get_output_embd(context_);
    rows.insert(rows.end(), made, made + mtmd_input_chunk_get_n_tokens(chunk) * row_size);
  }
  return rows;
}

std::shared_ptr<const EncodedImage> Projector::Find(const std::string& digest) {
  const auto found = std::ranges::find(kept_, digest, &Kept::digest);
  if (found == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found);
  return found->image;
}

void Projector::Keep(std::string digest, std::shared_ptr<const EncodedImage> image) {
  if (image->bytes() > kRowBytesKept) return;
  Forget(kRowBytesKept - image->bytes());
  kept_bytes_ += image->bytes();
  kept_.push_front({std::move(digest), std::move(image)});
}

void Projector::Forget(size_t bytes_max) {
  while (kept_bytes_ > bytes_max) {
    kept_bytes_ -= kept_.back().image->bytes();
    kept_.pop_back();
  }
}

}  // namespace weir::llama
