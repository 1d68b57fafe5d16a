// Stands in for a model server that an operator configured, in servers_test:
//
//   fake_server PORT WORD...
//
//   exit N         says so and ends with N, before it listens
//   crash          ends by SIGABRT when somebody connects
//   loading FILE   answers 503 until FILE is there
//   hangs FILE     does not answer any more once FILE is there
//   stubborn       ignores SIGTERM
//   worker FILE    starts a process in a session of its own, which ignores SIGTERM, and writes its
//   id script         the server proper is a child of a process that ignores SIGTERM and waits
//   shout N        writes N lines when it is asked for its health first
//   environment    writes its environment
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

namespace {

std::map<std::string, std::string> asked;

bool Asked(const std::string& word) { return asked.contains(word); }
bool Exists(const std::string& word) {
  return Asked(word) && access(asked[word].c_str(), F_OK) == 0;
}

int Listen(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 16) != 0) {
    std::perror("fake_server: cannot listen");
    std::exit(9);
  }
  return listener;
}

void Answer(int client) {
  char request[1024];
  if (read(client, request, sizeof request) <= 0) return;
  const bool loading = Asked("loading") && !Exists("loading");
  const std::string answer = loading ? "HTTP/1.1 503 Loading\r\ncontent-length: 0\r\n\r\n"
                                     : "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
  [[maybe_unused]] const ssize_t n = write(client, answer.data(), answer.size());
}

void StartWorker() {
  if (fork() != 0) return;
  setsid();
  std::signal(SIGTERM, SIG_IGN);
  std::ofstream(asked["worker"] + ".new") << getpid();
  std::rename((asked["worker"] + ".new").c_str(), asked["worker"].c_str());
  for (;;) pause();
}

}  // namespace

int main(int argc, char** argv) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = word == "exit" || word == "loading" || word == "hangs" ||
                           word == "worker" || word == "shout";
    asked[word] = has_value && i + 1 < argc ? argv[++i] : "";
  }
  if (Asked("environment")) {
    for (char** entry = environ; *entry != nullptr; ++entry) std::puts(*entry);
    std::fflush(stdout);
  }
  if (Asked("exit")) {
    std::fprintf(stderr, "fake_server: no such model\n");
    return std::atoi(asked["exit"].c_str());
  }
  if (Asked("stubborn")) std::signal(SIGTERM, SIG_IGN);
  if (Asked("script") && fork() != 0) {
    std::signal(SIGTERM, SIG_IGN);
    for (;;) {
      if (wait(nullptr) < 0) return 0;
    }
  }
  if (Asked("worker")) StartWorker();
  const int listener = Listen(std::atoi(argv[1]));
  for (bool first = true;; first = false) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    if (Asked("crash")) std::abort();
    if (first && Asked("shout")) {
      for (int i = std::atoi(asked["shout"].c_str()); i > 0; --i) {
        std::printf("line with a number of words that could be anything %d\n", i);
      }
      std::fflush(stdout);
    }
    if (Exists("hangs")) continue;  // the connection stays open
    Answer(client);
    close(client);
  }
}
