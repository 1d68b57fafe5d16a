#include "sqlite/migrations.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::sqlite {
namespace {

constexpr std::array kSteps = {
    Migration{"CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)"},
    Migration{"ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1"},
};

TEST(Migrations, EachStepRunsOnceInOrder) {
  auto db = Database::OpenInMemory();
  ASSERT_TRUE(db);
  ASSERT_TRUE(Migrate(*db, "test", std::span(kSteps).first(1)));
  EXPECT_EQ(SchemaVersion(*db, "test").value(), 1);
  ASSERT_TRUE(Migrate(*db, "test", kSteps));
  ASSERT_TRUE(Migrate(*db, "test", kSteps)) << "a second call has nothing to do";
  EXPECT_EQ(SchemaVersion(*db, "test").value(), 2);
  auto select = db->Prepare("SELECT y FROM a");
  ASSERT_TRUE(select && select->Step().value_or(false));
  EXPECT_EQ(select->Int(0), 2);
}

TEST(Migrations, ANewerSchemaIsRefusedAndNotTouched) {
  auto db = Database::OpenInMemory();
  ASSERT_TRUE(Migrate(*db, "test", kSteps));
  const auto refused = Migrate(*db, "test", std::span(kSteps).first(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "storage_newer");
  EXPECT_EQ(SchemaVersion(*db, "test").value(), 2);
}

TEST(Migrations, ComponentsInOneFileCountForThemselves) {
  auto db = Database::OpenInMemory();
  ASSERT_TRUE(Migrate(*db, "one", kSteps));
  constexpr std::array kOther = {Migration{"CREATE TABLE other (x INTEGER) STRICT"}};
  ASSERT_TRUE(Migrate(*db, "two", kOther));
  EXPECT_EQ(SchemaVersion(*db, "one").value(), 2);
  EXPECT_EQ(SchemaVersion(*db, "two").value(), 1);
}

TEST(Migrations, AStepThatFailsLeavesTheVersionBeforeIt) {
  constexpr std::array kBroken = {kSteps[0],
                                  Migration{"CREATE TABLE b (x INTEGER) STRICT; SELECT nonsense"}};
  auto db = Database::OpenInMemory();
  EXPECT_FALSE(Migrate(*db, "test", kBroken));
  EXPECT_EQ(SchemaVersion(*db, "test").value(), 1);
  EXPECT_FALSE(db->Prepare("SELECT * FROM b")) << "the half-done step is rolled back";
}

}  // namespace
}  // namespace weir::sqlite
