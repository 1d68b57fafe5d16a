// The program weir-reader: reads one document, started by the launcher with the gateway's socket.
#include <fcntl.h>
#include <fmt/core.h>

#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "reader/pdf_child.h"
#include "reader/reader.h"
#include "wire/control.h"

int main(int argc, char** argv) {
  if (argc == 2 && argv[1] == weir::reader::kPdfWord) return weir::reader::BecomePdfProgram();
  if (fcntl(weir::wire::kEngineSocketFd, F_GETFD) < 0) {
    fmt::print(stderr, "weir: this program is started by 'weir serve'\n");
    return 2;
  }
  const char* level = std::getenv("WEIR_LOG_LEVEL");
  weir::SetUpLog("reader", weir::LogLevelFromName(level == nullptr ? "warning" : level));
  return weir::reader::RunReader(weir::wire::kEngineSocketFd);
}
