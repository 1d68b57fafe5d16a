#include "server/upload_routes.h"

#include <memory>
#include <utility>

#include "dialects/openai/uploads.h"
#include "http/multipart.h"
#include "json/writer.h"
#include "server/file_routes.h"
#include "server/json_limits.h"
#include "server/list_page.h"

namespace weir::server {
namespace {

std::string_view WordOf(files::UploadStatus status) {
  switch (status) {
    case files::UploadStatus::kPending:
      return "pending";
    case files::UploadStatus::kCompleted:
      return "completed";
    case files::UploadStatus::kCancelled:
      return "cancelled";
    case files::UploadStatus::kExpired:
      return "expired";
  }
  return "expired";
}

Task<void> SendUpload(Call& call, const Result<files::UploadInfo>& upload) {
  if (!upload) {
    co_await call.SendError(upload.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject()
      .Field("id", upload->id)
      .Field("object", "upload")
      .Field("bytes", upload->bytes)
      .Field("created_at", upload->created_s)
      .Field("filename", upload->name)
      .Field("purpose", upload->purpose)
      .Field("status", WordOf(upload->status))
      .Field("expires_at", upload->expires_s);
  writer.Key("file");
  if (upload->file) {
    AppendFile(writer, *upload->file);
  } else {
    writer.Null();
  }
  writer.EndObject();
  co_await call.SendJson(200, std::move(body));
}

// Where files are kept; with it what is of the asker alone.
template <class Given>
Result<Given> Labelled(const Site& site, const Call& call, Result<Given> given) {
  if (given && site.files == nullptr) return Fail(NoFilesHere());
  if (!given) return given;
  given->label = call.asked.label;
  given->label_floor = call.asked.principal.label_floor;
  return given;
}

Result<files::UploadToBegin> ReadToBegin(const Site& site, const Call& call) {
  auto asked = openai::ReadUploadToCreate(call.request().body, JsonLimits(site));
  if (!asked) return Fail(std::move(asked.error()));
  if (auto checked = files::CheckFileName(asked->name); !checked) {
    checked.error().param = "filename";
    return Fail(std::move(checked.error()));
  }
  return files::UploadToBegin{.name = std::move(asked->name),
                              .purpose = std::move(asked->purpose),
                              .bytes = asked->bytes,
                              .lifetime_s = asked->lifetime_s};
}

// The one field of the form. The content is a part of `body`.
Result<files::PartToKeep> ReadPart(std::string_view content_type, std::string upload_id,
                                   std::shared_ptr<const std::string> body) {
  const auto parts = http::ParseForm(content_type, *body);
  if (!parts) return Fail(parts.error());
  if (parts->size() != 1 || parts->front().name != "data") {
    return Fail(Code::kInvalidArgument, "the form takes one field, the file 'data'", "data",
                "invalid_form");
  }
  return files::PartToKeep{
      .upload_id = std::move(upload_id), .holder = body, .content = parts->front().content};
}

Result<files::UploadToComplete> ReadToComplete(const Site& site, const Call& call) {
  auto asked = openai::ReadPartsToJoin(call.request().body, JsonLimits(site));
  if (!asked) return Fail(std::move(asked.error()));
  return files::UploadToComplete{.upload_id = PieceOf(call.tail),
                                 .part_ids = std::move(asked->part_ids),
                                 .md5 = std::move(asked->md5)};
}

}  // namespace

Task<void> PostUpload(Site& site, Call& call) {
  auto asked = Labelled(site, call, ReadToBegin(site, call));
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  co_await SendUpload(
      call, co_await site.files->BeginUpload(call.asked.principal.tenant, std::move(*asked)));
}

Task<void> PostUploadPart(Site& site, Call& call) {
  const std::string type(call.request().headers.Find("content-type").value_or(""));
  auto body = std::make_shared<const std::string>(std::move(call.exchange.request().body));
  auto part = Labelled(site, call, ReadPart(type, PieceOf(call.tail), std::move(body)));
  Result<files::PartInfo> made = part ? Result<files::PartInfo>() : Fail(part.error());
  if (part) made = co_await site.files->AddPart(call.asked.principal.tenant, std::move(*part));
  if (!made) {
    co_await call.SendError(made.error());
    co_return;
  }
  std::string text;
  json::Writer(&text)
      .BeginObject()
      .Field("id", made->id)
      .Field("object", "upload.part")
      .Field("created_at", made->created_s)
      .Field("upload_id", made->upload_id)
      .EndObject();
  co_await call.SendJson(200, std::move(text));
}

Task<void> CompleteUpload(Site& site, Call& call) {
  auto asked = Labelled(site, call, ReadToComplete(site, call));
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  co_await SendUpload(
      call, co_await site.files->CompleteUpload(call.asked.principal.tenant, std::move(*asked)));
}

Task<void> CancelUpload(Site& site, Call& call) {
  Result<files::UploadInfo> upload = Fail(NoFilesHere());
  if (site.files != nullptr) {
    upload = co_await site.files->CancelUpload(call.asked.principal.tenant, PieceOf(call.tail));
  }
  co_await SendUpload(call, upload);
}

}  // namespace weir::server
