// A whole site for tests of handlers: a fake backend that answers, a fleet over fake engines, real
// keys in a temporary folder, and requests that are plain values.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/run_for_test.h"
#include "backends/fake_backend.h"
#include "backends/fake_starter.h"
#include "gguf/file_builder.h"
#include "http/fake_exchange.h"
#include "http/sse.h"
#include "server/front.h"
#include "sqlite/database.h"

namespace weir::server {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

class SiteTest : public testing::Test {
 protected:
  SiteTest() : starter_(loop_.executor()) {
    std::string pattern = testing::TempDir() + "weir-site-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    db_.emplace(sqlite::Database::Open(folder_ / "weir.db").value());
    keys_ = keys::KeyStore::Open(*db_).value();
    fleet_.emplace(
        loop_.executor(), SystemClock(), starter_,
        [](const std::string& model) -> Result<backends::ModelFile> {
          return backends::ModelFile{.files = {"/" + model}};
        },
        backends::FleetOptions{});
    policy_.targets = {
        {.name = "small", .backend = "here", .model = "m-small", .embeds = true, .tools = true},
        {.name = "large", .backend = "here", .model = "m-large"},
        {.name = "cloud",
         .backend = "far",
         .model = "m-cloud",
         .tier = routing::Tier::kCloud,
         .ceiling = chat::Label::kPublic}};
    policy_.virtuals = {{.name = "auto", .targets = {"small", "large"}},
                        {.name = "far", .targets = {"cloud"}}};
    backend_.models["m-small"].steps = backends::Says({"Hello", " there"});
    backend_.models["m-large"].steps = backends::Says({"Greetings"});
    site_.emplace(Site{.clock = SystemClock(),
                       .gateway = gateway_,
                       .fleet = *fleet_,
                       .keys = *keys_,
                       .meter = meter_,
                       .metrics = metrics_});
    site_->list_models = [] { return std::vector<ListedModel>{{"small", 7}, {"a/b", 8}}; };
    site_->local_model = [](const std::string& name) -> Result<std::string> {
      if (name == "none") return Fail(Code::kNotFound, "no such model", "model", "model_not_found");
      return name + ":full";
    };
    site_->stored_model = [](const std::string& name) -> Result<StoredModel> {
      const std::string bytes = gguf::FileBuilder::Model().Build();
      Fd file(memfd_create("model", MFD_CLOEXEC));
      if (write(file.get(), bytes.data(), bytes.size()) < 0) return Fail(Code::kInternal, "write");
      return StoredModel{
          .name = name, .manifest = {.system = "Be brief."}, .file = std::move(file)};
    };
    site_->operator_token = "weir_operator_token";
  }
  ~SiteTest() override {
    fleet_->StopAll();
    for (const auto& [id, engine] : starter_.engines) engine->Die();
    EXPECT_TRUE(loop_.RunFor(kTestPatience)) << "coroutines are left";
    EXPECT_EQ(backend_.live_streams, 0);
    keys_.reset();
    db_.reset();
    std::filesystem::remove_all(folder_);
  }

  static http::Request RequestOf(std::string method, std::string path, std::string body = "",
                                 const HeaderList& headers = {}) {
    http::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.body = std::move(body);
    for (const auto& [name, value] : headers) request.headers.Add(name, value);
    return request;
  }
  std::unique_ptr<http::FakeExchange> Do(http::Request request) {
    auto exchange = std::make_unique<http::FakeExchange>(std::move(request));
    RunForTest(loop_, Serve(*site_, *exchange));
    return exchange;
  }
  std::unique_ptr<http::FakeExchange> Do(std::string method, std::string path,
                                         std::string body = "", const HeaderList& headers = {}) {
    return Do(RequestOf(std::move(method), std::move(path), std::move(body), headers));
  }
  std::unique_ptr<http::FakeExchange> Chat(const HeaderList& headers = {},
                                           std::string_view more = "",
                                           std::string_view model = "auto") {
    return Do("POST", "/v1/chat/completions", ChatBody(more, model), headers);
  }
  static std::string ChatBody(std::string_view more = "", std::string_view model = "auto") {
    return R"({"model":")" + std::string(model) +
           R"(","messages":[{"role":"user","content":"my private words"}])" + std::string(more) +
           "}";
  }

  keys::CreatedKey Key(keys::NewKey key) {
    return keys_->Create(key, SystemClock().WallNow()).value();
  }
  static HeaderList With(const keys::CreatedKey& key) {
    return {{"authorization", "Bearer " + key.secret}};
  }
  static std::string Header(const http::FakeExchange& exchange, std::string_view name) {
    return std::string(exchange.headers().Find(name).value_or("(none)"));
  }
  // The data of each event of a stream.
  static std::vector<std::string> Events(const http::FakeExchange& exchange) {
    std::vector<std::string> events;
    http::SseReader reader;
    const auto fed = reader.Feed(exchange.body(), [&](const http::SseReader::Event& event) {
      events.push_back(event.data);
      return true;
    });
    EXPECT_TRUE(fed.has_value());
    return events;
  }

  Loop loop_;
  std::filesystem::path folder_;
  std::optional<sqlite::Database> db_;
  std::unique_ptr<keys::KeyStore> keys_;
  keys::Meter meter_;
  Metrics metrics_;
  backends::FakeBackend backend_;
  backends::FakeStarter starter_;
  std::optional<backends::EngineFleet> fleet_;
  routing::Policy policy_;
  gateway::Gateway gateway_{.clock = SystemClock(), .engines = backend_, .policy = [this] {
                              return std::make_shared<const routing::Policy>(policy_);
                            }};
  std::optional<Site> site_;
};

}  // namespace weir::server
