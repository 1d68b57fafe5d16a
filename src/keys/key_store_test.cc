#include "keys/key_store.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "keys/scopes.h"

namespace weir::keys {
namespace {

using chat::Label;
using chat::Scope;

class KeyStoreTest : public testing::Test {
 protected:
  KeyStoreTest() {
    std::string pattern = testing::TempDir() + "weir-keys-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    db_.emplace(sqlite::Database::Open(folder_ / "weir.db").value());
    store_ = KeyStore::Open(*db_).value();
  }
  ~KeyStoreTest() override {
    store_.reset();
    db_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Reopen() {
    store_.reset();
    store_ = KeyStore::Open(*db_).value();
  }
  std::string Create(std::string_view name) {
    auto created = store_->Create({.name = std::string(name)}, now_);
    EXPECT_TRUE(created) << created.error().message;
    return created->secret;
  }
  std::string ReasonOf(std::string_view presented) {
    const auto principal = store_->Authenticate(presented, now_);
    return principal ? "" : principal.error().reason;
  }

  std::filesystem::path folder_;
  std::optional<sqlite::Database> db_;
  std::unique_ptr<KeyStore> store_;
  WallTime now_{std::chrono::seconds(1'760'000'000)};
};

TEST_F(KeyStoreTest, WithoutKeysEverybodyIsTheAnonymousPrincipalOfMain) {
  EXPECT_FALSE(store_->HasKeys());
  for (const char* presented : {"", "ollama", "sk-anything"}) {
    const auto principal = store_->Authenticate(presented, now_);
    ASSERT_TRUE(principal);
    EXPECT_EQ(principal->tenant, "main");
    EXPECT_EQ(principal->key_id, "");
    EXPECT_EQ(principal->scopes, chat::kAllScopes);
  }
}

TEST_F(KeyStoreTest, AKeyIsWhoItWasCreatedAs) {
  const auto created = store_->Create({.name = "team-a laptop",
                                       .tenant = "acme",
                                       .project = "hr",
                                       .scopes = ParseScopes("inference,admin").value(),
                                       .label_floor = Label::kPersonal,
                                       .may_assert_label = true,
                                       .limits = {60, 1000, 4}},
                                      now_);
  ASSERT_TRUE(created);
  for (int round = 0; round < 2; ++round) {
    const auto caller = store_->Identify(created->secret, now_);
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->principal.key_id, created->info.id);
    EXPECT_EQ(caller->principal.key_name, "team-a laptop");
    EXPECT_EQ(caller->principal.tenant, "acme");
    EXPECT_EQ(caller->principal.project, "hr");
    EXPECT_EQ(caller->principal.label_floor, Label::kPersonal);
    EXPECT_TRUE(caller->principal.may_assert_label);
    EXPECT_TRUE(caller->principal.Has(Scope::kAdmin));
    EXPECT_FALSE(caller->principal.Has(Scope::kKeys));
    EXPECT_EQ(caller->limits, (Limits{60, 1000, 4}));
    Reopen();
  }
}

TEST_F(KeyStoreTest, WithAKeyOnlyKeysComeIn) {
  const std::string secret = Create("a");
  EXPECT_TRUE(store_->HasKeys());
  EXPECT_EQ(ReasonOf(secret), "");
  EXPECT_EQ(ReasonOf(""), "key_missing");
  EXPECT_EQ(ReasonOf("sk-anything"), "key_unknown");
  std::string wrong = secret;
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(ReasonOf(wrong), "key_unknown");
  EXPECT_EQ(ReasonOf(store_->List()[0].id), "key_unknown") << "the public id is no credential";
}

TEST_F(KeyStoreTest, RevokingTakesEffectAtOnceAndForGood) {
  const std::string a = Create("a");
  const std::string b = Create("b");
  const auto principal = store_->Authenticate(a, now_);
  ASSERT_TRUE(store_->Revoke("a", now_));
  EXPECT_EQ(ReasonOf(a), "key_revoked");
  EXPECT_FALSE(store_->StillValid(*principal, now_)) << "an open stream learns it too";
  EXPECT_EQ(ReasonOf(b), "");
  Reopen();
  EXPECT_EQ(ReasonOf(a), "key_revoked");
}

TEST_F(KeyStoreTest, RevokingTheLastKeyDoesNotOpenTheDoor) {
  Create("a");
  ASSERT_TRUE(store_->Revoke("a", now_));
  EXPECT_TRUE(store_->HasKeys());
  EXPECT_EQ(ReasonOf(""), "key_missing");
  EXPECT_FALSE(store_->StillValid(chat::Principal{}, now_));
}

TEST_F(KeyStoreTest, ARevocationHoldsEvenWhenTheDiskRefusesIt) {
  const std::string a = Create("a");
  auto other = sqlite::Database::Open(folder_ / "weir.db").value();
  auto impatient =
      sqlite::Database::Open(folder_ / "weir.db", {.busy_timeout = std::chrono::milliseconds(1)})
          .value();
  auto store = KeyStore::Open(impatient).value();
  {
    auto held = sqlite::Transaction::Begin(other);
    const auto revoked = store->Revoke("a", now_);
    ASSERT_FALSE(revoked);
    EXPECT_EQ(revoked.error().reason, "storage_locked");
    EXPECT_EQ(store->Authenticate(a, now_).error().reason, "key_revoked");
  }
  now_ += std::chrono::seconds(1);
  Create("b");
  ASSERT_TRUE(store->Refresh());
  EXPECT_EQ(store->Authenticate(a, now_).error().reason, "key_revoked") << "also after a reload";
  EXPECT_TRUE(store->Revoke(store->List()[0].id, now_)) << "and it can be repeated";
  Reopen();
  EXPECT_EQ(ReasonOf(a), "key_revoked");
}

TEST_F(KeyStoreTest, AnExpiredKeyIsRefusedFromItsSecondOn) {
  const auto created =
      store_->Create({.name = "a", .expires = now_ + std::chrono::seconds(10)}, now_);
  ASSERT_TRUE(created);
  now_ += std::chrono::seconds(9);
  EXPECT_EQ(ReasonOf(created->secret), "");
  now_ += std::chrono::seconds(1);
  EXPECT_EQ(ReasonOf(created->secret), "key_expired");
}

TEST_F(KeyStoreTest, ANameIsTakenUntilItsKeyIsRevoked) {
  Create("a");
  const auto twin = store_->Create({.name = "a"}, now_);
  ASSERT_FALSE(twin);
  EXPECT_EQ(twin.error().code, Code::kConflict);
  EXPECT_EQ(twin.error().param, "name");
  ASSERT_TRUE(store_->Revoke("a", now_));
  EXPECT_EQ(ReasonOf(Create("a")), "");
  EXPECT_EQ(store_->Revoke("missing", now_).error().code, Code::kNotFound);
}

TEST_F(KeyStoreTest, KeysWithMoneyOfTheirOwnAreThoseThatMayStillSpendIt) {
  const chat::Grant rich{.budget = chat::KeyBudget{7, "USD", "day"}};
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(store_->Create({.name = name, .grant = rich}, now_));
    now_ += std::chrono::seconds(1);
  }
  Create("poor");
  ASSERT_TRUE(store_->Revoke("b", now_));
  const auto names = [&](size_t most, std::string_view id = {}) {
    std::vector<std::string> found;
    for (const chat::Principal& principal : store_->WithBudget(most, id)) {
      EXPECT_EQ(*principal.grant, rich);
      found.push_back(principal.key_name);
    }
    return found;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(9), (Names{"a", "c"}));
  EXPECT_EQ(names(1), Names{"a"});
  EXPECT_EQ(names(0), Names());
  const std::vector<KeyInfo> keys = store_->List();
  EXPECT_EQ(names(9, keys[2].id), Names{"c"}) << keys[2].key.name;
  EXPECT_EQ(names(9, keys[1].id), Names()) << "it was revoked";
  EXPECT_EQ(names(9, "key_unknown"), Names());
}

TEST_F(KeyStoreTest, WhatAKeyCannotBeIsRefusedByField) {
  const auto param_of = [this](const NewKey& key) {
    return store_->Create(key, now_).error().param;
  };
  EXPECT_EQ(param_of({.name = ""}), "name");
  EXPECT_EQ(param_of({.name = " a"}), "name");
  EXPECT_EQ(param_of({.name = "a\nb"}), "name");
  EXPECT_EQ(param_of({.name = std::string(65, 'a')}), "name");
  EXPECT_EQ(param_of({.name = "a", .tenant = ""}), "tenant");
  EXPECT_EQ(param_of({.name = "a", .project = "x'y"}), "project");
  EXPECT_EQ(param_of({.name = "a", .scopes = 0}), "scopes");
  EXPECT_EQ(param_of({.name = "a", .scopes = 1u << 9}), "scopes");
  EXPECT_EQ(param_of({.name = "a", .label_floor = Label::kUnscanned}), "label_floor");
  EXPECT_EQ(param_of({.name = "a", .expires = now_}), "expires");
  EXPECT_FALSE(store_->HasKeys());
}

TEST_F(KeyStoreTest, TheSecretStandsNowhereOnDisk) {
  const std::string secret = Create("a");
  store_.reset();
  db_.reset();
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    EXPECT_EQ(bytes.find(secret.substr(8)), std::string::npos) << file.path();
    ++files;
  }
  EXPECT_GE(files, 1);
  db_.emplace(sqlite::Database::Open(folder_ / "weir.db").value());
}

TEST_F(KeyStoreTest, AnotherProcessesChangesArriveWithRefresh) {
  auto other_db = sqlite::Database::Open(folder_ / "weir.db").value();
  auto other = KeyStore::Open(other_db).value();
  const auto created = other->Create({.name = "a"}, now_);
  ASSERT_TRUE(created);
  ASSERT_TRUE(store_->Refresh());
  EXPECT_EQ(ReasonOf(created->secret), "");
  ASSERT_TRUE(other->Revoke("a", now_));
  ASSERT_TRUE(store_->Refresh());
  EXPECT_EQ(ReasonOf(created->secret), "key_revoked");
}

TEST_F(KeyStoreTest, LastUsedIsKeptToTheMinute) {
  const std::string secret = Create("a");
  EXPECT_EQ(store_->List()[0].last_used, std::nullopt);
  ASSERT_TRUE(store_->Authenticate(secret, now_));
  ASSERT_TRUE(store_->SaveLastUsed());
  Reopen();
  const auto last_used = store_->List()[0].last_used;
  ASSERT_TRUE(last_used);
  EXPECT_LE(*last_used, now_);
  EXPECT_GT(*last_used, now_ - std::chrono::seconds(60));
}

TEST_F(KeyStoreTest, KeysAreListedOldestFirst) {
  Create("first");
  now_ += std::chrono::seconds(1);
  Create("second");
  const auto list = store_->List();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].key.name, "first");
}

TEST_F(KeyStoreTest, ManyThreadsAuthenticateWhileKeysComeAndGo) {
  const std::string steady = Create("steady");
  std::atomic<bool> stop = false;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) refused += !store_->Authenticate(steady, now_).has_value();
    });
  }
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::to_string(i);
    const std::string secret = Create(name);
    EXPECT_EQ(ReasonOf(secret), "");
    EXPECT_TRUE(store_->Revoke(name, now_));
    EXPECT_EQ(ReasonOf(secret), "key_revoked");
    EXPECT_TRUE(store_->SaveLastUsed());
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
}

TEST(Scopes, AMissingScopeIsNamed) {
  chat::Principal principal;
  principal.scopes = ParseScopes("inference").value();
  EXPECT_TRUE(RequireScope(principal, Scope::kInference));
  const auto refused = RequireScope(principal, Scope::kAdmin);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kForbidden);
  EXPECT_NE(refused.error().message.find("admin"), std::string::npos);
  EXPECT_EQ(ScopeNames(ParseScopes("all").value()), "inference,models,keys,admin");
  EXPECT_FALSE(ParseScopes(""));
  EXPECT_FALSE(ParseScopes("inference,root"));
}

}  // namespace
}  // namespace weir::keys
