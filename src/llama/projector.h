// Makes images readable to a model: the vision half of it, which comes as a file of its own (the
// "mmproj", or projector), over libmtmd. It looks at an image (seconds on a processor, and nothing
// can end it in the middle) and gives what a prompt holds in its place (encoded_image.h).
//
// Not where an image stands in a prompt: that is the ChatTemplate's.
//
// Threads: loading and destruction by one thread; TokensOf any thread; Encode one at a time. The
// Model outlives it. Bounds: on the file of an image (picture.h), and on the rows that live.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llama/encoded_image.h"
#include "llama/model.h"

struct mtmd_context;
struct mtmd_bitmap;
struct mtmd_input_chunks;

namespace weir::llama {

// Images of one request.
inline constexpr size_t kImagesMax = 64;
// Rows of the images of all requests that are not answered yet, and of those that are kept.
inline constexpr size_t kRowBytesMax = size_t{1} << 30;
// Of one image, where a model takes images as large as they are: smaller they become the rows that
// the makers of Qwen-VL recommend.
inline constexpr int32_t kImageRowsMax = 1280;
// Of images that may be asked about again: the next turn of a conversation brings them along.
inline constexpr size_t kRowBytesKept = size_t{128} << 20;

class Projector {
 public:
  // kInvalidArgument: "projector_invalid" for a file that libmtmd refuses or that is not made for
  // this model, "projector_unsupported" for one of a kind that is not computed here.
  static Result<std::unique_ptr<Projector>> Load(const std::string& path, const Model& model,
                                                 int32_t threads);
  ~Projector();
  Projector(const Projector&) = delete;
  Projector& operator=(const Projector&) = delete;

  // Whether rows see each other in both directions (EncodedImage::together).
  bool mutual() const { return mutual_; }
  // What stands in a prompt for this image file, with kNoToken for each row. The head of the file
  // is read and nothing computed. Errors as ReadPictureSize.
  Result<std::vector<Token>> TokensOf(std::string_view file) const;
  // Errors as ReadPicture; kCancelled as soon as that is seen, between one piece of an image and
  // the next; kUnavailable ("images_full") when so many rows live that there is no room for these.
  Result<std::shared_ptr<const EncodedImage>> Encode(std::string_view file,
                                                     const std::atomic<bool>& cancelled);

 private:
  struct Kept {
    std::string digest = {};
    std::shared_ptr<const EncodedImage> image = nullptr;
  };
  struct FreeChunks {
    void operator()(mtmd_input_chunks* chunks) const;
  };
  using Chunks = std::unique_ptr<mtmd_input_chunks, FreeChunks>;

  Projector(const Model& model, mtmd_context* context);
  Result<void> CheckKind() const;
  Result<Chunks> Cut(int32_t width, int32_t height, const uint8_t* pixels) const;
  Result<std::vector<Token>> TokensOf(const mtmd_input_chunks& chunks) const;
  std::optional<EncodedImage::Layout> LayoutOf(const mtmd_input_chunks& chunks) const;
  Result<std::vector<float>> RowsOf(const mtmd_input_chunks& chunks,
                                    const std::atomic<bool>& cancelled);
  std::shared_ptr<const EncodedImage> Find(const std::string& digest);
  void Keep(std::string digest, std::shared_ptr<const EncodedImage> image);
  void Forget(size_t bytes_max);

  const Model& model_;
  mtmd_context* context_;
  bool mutual_;
  std::string secret_;  // of this process: nobody can make an image with the ids of another
  BytesAlive alive_ = std::make_shared<std::atomic<size_t>>(0);
  std::list<Kept> kept_ = {};  // the latest first
  size_t kept_bytes_ = 0;
};

}  // namespace weir::llama
