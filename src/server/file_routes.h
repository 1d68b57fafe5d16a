// /v1/files: files that are kept and used later, as OpenAI's (docs/vector-stores.md).
#pragma once

#include "async/task.h"
#include "files/file.h"
#include "json/writer.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

Error NoFilesHere();
void AppendFile(json::Writer& writer, const files::FileInfo& file);

Task<void> PostFile(Site& site, Call& call);
Task<void> GetFiles(Site& site, Call& call);
Task<void> GetFile(Site& site, Call& call);
Task<void> GetFileContent(Site& site, Call& call);
Task<void> DeleteFile(Site& site, Call& call);

}  // namespace weir::server
