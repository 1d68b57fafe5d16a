#include "server/file_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "dialects/openai/uploads.h"
#include "http/multipart.h"
#include "json/writer.h"
#include "knowledge/shelf.h"
#include "server/list_page.h"

namespace weir::server {
namespace {

using openai::FileLimits;

constexpr int64_t kPieceBytes = int64_t{1} << 20;  // of a download

std::unexpected<Error> WrongField(std::string_view name, std::string what) {
  return Fail(Code::kInvalidArgument, fmt::format("{} {}", name, what), std::string(name),
              "invalid_value");
}

Result<std::string> PurposeOf(std::string_view text) {
  if (std::ranges::find(openai::kFilePurposes, text) != openai::kFilePurposes.end())
    return std::string(text);
  return WrongField("purpose", fmt::format("takes {}", fmt::join(openai::kFilePurposes, ", ")));
}

Result<int64_t> LifetimeOf(std::string_view text) {
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool number = error == std::errc() && end == text.data() + text.size();
  if (number && seconds >= FileLimits::kLifetimeLeastS && seconds <= FileLimits::kLifetimeMostS)
    return seconds;
  return WrongField(
      "expires_after[seconds]",
      fmt::format("takes {} to {}", FileLimits::kLifetimeLeastS, FileLimits::kLifetimeMostS));
}

// The fields of the form, each at most once. The contents are parts of `body`.
Result<files::FileToKeep> ReadFile(std::string_view content_type,
                                   std::shared_ptr<const std::string> body) {
  auto parts = http::ParseForm(content_type, *body);
  if (!parts) return Fail(std::move(parts.error()));
  files::FileToKeep file;
  std::vector<std::string_view> seen;
  bool anchored = false;
  for (http::FormPart& part : *parts) {
    if (std::ranges::find(seen, part.name) != seen.end())
      return Fail(Code::kInvalidArgument, "a field of the form stands twice", {}, "invalid_form");
    seen.push_back(part.name);
    if (part.name == "file") {
      if (!part.file_name) return WrongField("file", "needs a filename");
      file.name = std::move(*part.file_name);
      file.content = part.content;
    } else if (part.name == "purpose") {
      auto purpose = PurposeOf(part.content);
      if (!purpose) return Fail(std::move(purpose.error()));
      file.purpose = std::move(*purpose);
    } else if (part.name == "expires_after[anchor]") {
      if (part.content != "created_at") return WrongField(part.name, "takes created_at");
      anchored = true;
    } else if (part.name == "expires_after[seconds]") {
      const auto seconds = LifetimeOf(part.content);
      if (!seconds) return Fail(seconds.error());
      file.lifetime_s = *seconds;
    } else {
      return Fail(Code::kInvalidArgument,
                  "the form has a field that is not known; file, purpose, expires_after[anchor] "
                  "and expires_after[seconds] are",
                  {}, "unknown_field");
    }
  }
  const auto has = [&](std::string_view name) {
    return std::ranges::find(seen, name) != seen.end();
  };
  if (!has("file")) return WrongField("file", "is missing");
  if (!has("purpose")) return WrongField("purpose", "is missing");
  if (anchored != (file.lifetime_s > 0))
    return WrongField("expires_after", "takes an anchor and seconds together");
  if (auto checked = files::CheckFileName(file.name); !checked) return Fail(checked.error());
  file.holder = std::move(body);
  return file;
}

std::string IdOf(const Call& call) { return http::PercentDecode(call.tail).value_or(""); }

Task<void> SendFile(Call& call, const Result<files::FileInfo>& file) {
  if (!file) {
    co_await call.SendError(file.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  AppendFile(writer, *file);
  co_await call.SendJson(200, std::move(body));
}

Result<files::ListQuery> ReadList(const std::string& query) {
  const auto page = ReadPage(
      query, {.limit = files::ListQuery::kLimitDefault, .limit_max = files::Limits::kPageMax});
  if (!page) return Fail(page.error());
  files::ListQuery list{.purpose = http::QueryValue(query, "purpose").value_or(""),
                        .after = page->after,
                        .limit = page->limit,
                        .oldest_first = page->ascending};
  if (list.purpose.empty()) return list;
  if (auto purpose = PurposeOf(list.purpose); !purpose) return Fail(purpose.error());
  return list;
}

}  // namespace

Error NoFilesHere() {
  return {
      Code::kUnavailable, "this server keeps no files (limits.kept_files is 0)", {}, "no_files"};
}

void AppendFile(json::Writer& writer, const files::FileInfo& file) {
  writer.BeginObject()
      .Field("id", file.id)
      .Field("object", "file")
      .Field("bytes", file.bytes)
      .Field("created_at", file.created_s)
      .Field("filename", file.name)
      .Field("purpose", file.purpose)
      .Field("status", "processed");
  if (file.expires_s > 0) writer.Field("expires_at", file.expires_s);
  if (file.label) writer.Field("label", chat::LabelName(*file.label));
  writer.EndObject();
}

Task<void> PostFile(Site& site, Call& call) {
  const std::string type(call.request().headers.Find("content-type").value_or(""));
  auto body = std::make_shared<const std::string>(std::move(call.exchange.request().body));
  auto given = ReadFile(type, std::move(body));
  if (given && site.files == nullptr) given = Fail(NoFilesHere());
  if (!given) {
    co_await call.SendError(given.error());
    co_return;
  }
  given->label = call.asked.label;
  given->label_floor = call.asked.principal.label_floor;
  co_await SendFile(call, co_await site.files->Put(call.asked.principal.tenant, std::move(*given)));
}

Task<void> GetFiles(Site& site, Call& call) {
  auto query = ReadList(call.request().query);
  if (query && site.files == nullptr) query = Fail(NoFilesHere());
  if (!query) {
    co_await call.SendError(query.error());
    co_return;
  }
  const size_t limit = query->limit++;  // one more tells whether there are more
  auto listed = co_await site.files->List(call.asked.principal.tenant, std::move(*query));
  if (!listed) {
    co_await call.SendError(listed.error());
    co_return;
  }
  co_await call.SendJson(200, RenderPage(*listed, limit, AppendFile));
}

Task<void> GetFile(Site& site, Call& call) {
  Result<files::FileInfo> file = Fail(NoFilesHere());
  if (site.files != nullptr)
    file = co_await site.files->Find(call.asked.principal.tenant, IdOf(call));
  co_await SendFile(call, file);
}

Task<void> GetFileContent(Site& site, Call& call) {
  const std::string tenant = call.asked.principal.tenant;
  const std::string id = PieceOf(call.tail);
  Result<files::FileInfo> file = Fail(NoFilesHere());
  if (site.files != nullptr) file = co_await site.files->Find(tenant, id);
  Result<std::string> piece = file ? Result<std::string>("") : Fail(file.error());
  if (file) piece = co_await site.files->Read(tenant, id, 0, kPieceBytes);
  if (!piece) {
    co_await call.SendError(piece.error());
    co_return;
  }
  http::Reply reply = call.HeadOfDownload();
  if (file->bytes <= kPieceBytes) {
    reply.body = std::move(*piece);
    co_await call.exchange.Send(std::move(reply));
    co_return;
  }
  call.exchange.Start(std::move(reply));
  for (int64_t at = 0; at < file->bytes; at += kPieceBytes) {
    if (at > 0) piece = co_await site.files->Read(tenant, id, at, kPieceBytes);
    // It may have been deleted meanwhile.
    if (!piece) {
      call.exchange.Abort();
      co_return;
    }
    if (auto written = co_await call.exchange.Write(*piece); !written) co_return;
  }
  co_await call.exchange.End();
}

Task<void> DeleteFile(Site& site, Call& call) {
  Result<files::FileInfo> removed = Fail(NoFilesHere());
  const std::string tenant = call.asked.principal.tenant;
  const std::string id = IdOf(call);
  if (site.files != nullptr) removed = co_await site.files->Find(tenant, id);
  if (removed && site.documents != nullptr) {
    // The file last: what was begun can be asked for again.
    const auto gone = co_await site.documents->library.OnShelf<bool>(
        [tenant, id](knowledge::Shelf& shelf, int64_t now_s) -> Result<bool> {
          if (auto done = shelf.RemoveFile(tenant, id, now_s); !done) return Fail(done.error());
          return true;
        });
    if (!gone) removed = Fail(gone.error());
  }
  if (removed) removed = co_await site.files->Remove(tenant, id);
  if (!removed) {
    co_await call.SendError(removed.error());
    co_return;
  }
  co_await call.SendJson(200, RenderDeleted(removed->id, "file"));
}

}  // namespace weir::server
