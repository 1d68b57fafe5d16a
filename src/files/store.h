// Files that clients give to be kept and used later: OpenAI's /v1/files. In files.db and the folder
// `files` of the data folder, readable by their owner only. It reads no formats.
//
// A file belongs to its tenant; for others it is not there: foreign and unknown ids cannot be told
// apart. A Put that returned is on the disk; one that did not has left nothing.
//
// Calls come from one thread (the gateway's I/O thread), whose coroutines wait; a thread of its own
// reads and writes.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "files/file.h"

namespace weir::files {

class Shelf;

class Store {
 public:
  // `folder` must exist.
  static Result<std::unique_ptr<Store>> Open(const std::filesystem::path& folder,
                                             const Executor& executor, const Clock& clock,
                                             const Limits& limits = {});
  ~Store();  // finishes what waits
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // kTooLarge, reason files_too_large or too_many_files, when the tenant has too much already;
  // kUnavailable, reason storage_full or storage_io, when it cannot be written.
  Task<Result<FileInfo>> Put(std::string tenant, FileToKeep given);
  // kNotFound, reason file_not_found, here and below.
  Task<Result<FileInfo>> Find(std::string tenant, std::string id);
  // The newest first, unless asked otherwise. kInvalidArgument for an `after` that is not there.
  Task<Result<std::vector<FileInfo>>> List(std::string tenant, ListQuery query);
  // From `offset` on, at most `bytes`; less only at the file's end.
  Task<Result<std::string>> Read(std::string tenant, std::string id, int64_t offset, int64_t bytes);
  Task<Result<FileInfo>> Remove(std::string tenant, std::string id);

  // Large files, in parts. kTooLarge as Put, reason too_many_uploads or too_many_parts too.
  // kNotFound, reason upload_not_found. kInvalidArgument, reason upload_not_pending, for an upload
  // that is completed, cancelled or expired.
  Task<Result<UploadInfo>> BeginUpload(std::string tenant, UploadToBegin asked);
  Task<Result<PartInfo>> AddPart(std::string tenant, PartToKeep part);
  // Reads and writes all of the file again, while other calls wait. kInvalidArgument for parts that
  // are not its own (invalid_part), of another size (wrong_size) or content (wrong_md5): the upload
  // stays as it was. One that is completed gives the same again.
  Task<Result<UploadInfo>> CompleteUpload(std::string tenant, UploadToComplete asked);
  // One that is cancelled gives the same again.
  Task<Result<UploadInfo>> CancelUpload(std::string tenant, std::string id);

 private:
  struct State;
  // What `call` gives on the thread.
  template <class T>
  Task<Result<T>> OnShelf(std::move_only_function<Result<T>(Shelf& shelf, int64_t now_s)> call);
  explicit Store(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// kInvalidArgument for names that are empty, too long, no UTF-8, or hold control characters.
Result<void> CheckFileName(std::string_view name);

}  // namespace weir::files
