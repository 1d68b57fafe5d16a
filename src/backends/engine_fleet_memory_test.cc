#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/fleet_for_test.h"
#include "base/size_text.h"

namespace weir::backends {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using Kind = wire::EngineFrame;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// Engines that tell what they take. Sizes in MiB.
class FleetMemoryTest : public EngineFleetTest {
 protected:
  struct Model {
    uint64_t loaded = 0;  // as it tells when it is ready
    uint64_t used = 0;    // and whenever it is asked; 0: the same
    double load_ms = 100;
  };

  FleetMemoryTest() {
    starter_.prepare = [this](FakeEngine& engine) {
      const auto name = std::make_shared<std::string>();
      engine.on_frame = [this, name](FakeEngine& self, const wire::Frame& frame) {
        if (FakeEngine::Is(frame, Kind::kLoad)) {
          *name = wire::Decode<wire::LoadRequest>(frame.body)->settings.model_name;
          const Model& model = models_[*name];
          return self.SayReady(
              {.memory_bytes = model.loaded * kMiB, .generates = true, .load_ms = model.load_ms});
        }
        if (!FakeEngine::Is(frame, Kind::kQueryStats)) return self.Behave(frame);
        const Model& model = models_[*name];
        self.Say(Kind::kStats, frame.request,
                 wire::Encode(
                     wire::EngineStats{.memory_bytes = std::max(model.used, model.loaded) * kMiB}));
      };
    };
  }

  // A model whose file promises `likely`, and whose engine then takes `takes`.
  void Add(const std::string& name, uint64_t likely, Model takes, uint64_t least = 0) {
    files_[name] = {.files = {"/" + name + ".gguf"},
                    .settings = {.context_tokens = 64},
                    .memory_least = (least == 0 ? likely : least) * kMiB,
                    .memory_likely = likely * kMiB};
    models_[name] = takes;
  }
  void Add(const std::string& name, uint64_t takes, double load_ms = 100) {
    Add(name, takes, {.loaded = takes, .load_ms = load_ms});
  }
  void BuildWith(uint64_t memory_mib, bool guess = false) {
    Build({.engines_max = 8, .memory_max = memory_mib * kMiB, .memory_is_guess = guess});
  }
  uint64_t UsedMiB() const { return fleet_->memory().used / kMiB; }

  std::map<std::string, Model> models_;
};

TEST_F(FleetMemoryTest, ModelsThatFitStayTogether) {
  BuildWith(100);
  Add("a", 40);
  Add("b", 60);
  ASSERT_TRUE(Preload("a").has_value());
  ASSERT_TRUE(Preload("b").has_value());
  EXPECT_THAT(Loaded(), ElementsAre("a", "b"));
  EXPECT_EQ(UsedMiB(), 100u);
}

TEST_F(FleetMemoryTest, TheOneThatIsCheapestToBringBackGoes) {
  BuildWith(100);
  Add("slow", 50, /*load_ms=*/9000);
  Add("fast", 50, /*load_ms=*/200);
  Add("new", 30);
  Preload("slow");
  clock_.Advance(seconds(10));
  Preload("fast");
  clock_.Advance(seconds(10));
  ASSERT_TRUE(Preload("new").has_value());
  EXPECT_THAT(Loaded(), ElementsAre("new", "slow")) << "it was used longer ago, and loads slowly";
}

TEST_F(FleetMemoryTest, AnEngineInUseNeverGoes) {
  BuildWith(100);
  Add("busy", 50, /*load_ms=*/1);
  Add("idle", 50, /*load_ms=*/9000);
  Add("new", 40);
  Hold("busy");
  clock_.Advance(hours(1));
  Preload("idle");
  ASSERT_TRUE(Preload("new").has_value());
  EXPECT_THAT(Loaded(), ElementsAre("busy", "new"));
}

TEST_F(FleetMemoryTest, WhereAllAreBusyWhoeverAsksHearsTheFiguresAndWhenToComeBack) {
  BuildWith(100);
  Add("busy", 80);
  Add("new", 40);
  Hold("busy");
  clock_.Advance(seconds(30));
  const Error refused = Preload("new").error();
  EXPECT_EQ(refused.code, Code::kUnavailable);
  EXPECT_EQ(refused.reason, "no_room_for_model");
  EXPECT_THAT(refused.message, HasSubstr("needs 40.0 MiB, and of the 100.0 MiB"));
  EXPECT_THAT(refused.message, HasSubstr("80.0 MiB are taken"));
  EXPECT_EQ(refused.retry_after_s, 30);
  EXPECT_EQ(starter_.starts, 1u);
  streams_.clear();
  EXPECT_TRUE(Preload("new").has_value());
}

TEST_F(FleetMemoryTest, NobodyGoesInVain) {
  BuildWith(100);
  Add("busy", 70);
  Add("idle", 20);
  Add("new", 60);
  Hold("busy");
  Preload("idle");
  EXPECT_EQ(Preload("new").error().reason, "no_room_for_model");
  EXPECT_THAT(Loaded(), ElementsAre("busy", "idle"));
}

TEST_F(FleetMemoryTest, TwoLoadsAtOnceAreNotGivenTheSameMemory) {
  BuildWith(100);
  Add("a", 60);
  Add("b", 60);
  starter_.go_on.Reset();
  const auto a = Ask("a");
  ASSERT_TRUE(Until([&] { return starter_.starts == 1; }));
  EXPECT_EQ(UsedMiB(), 60u) << "of a model that is being loaded, what is expected counts";
  const auto b = Ask("b");
  ASSERT_TRUE(Until([&] { return b->has_value(); }));
  EXPECT_EQ(b->value().error().reason, "no_room_for_model");
  starter_.go_on.Set();
  ASSERT_TRUE(Until([&] { return a->has_value(); }));
  EXPECT_TRUE(a->value().has_value());
  EXPECT_TRUE(Preload("b").has_value()) << "a is idle now";
  EXPECT_THAT(Loaded(), ElementsAre("b"));
}

TEST_F(FleetMemoryTest, ANewEngineWaitsUntilTheOldOnesMemoryIsFree) {
  BuildWith(100);
  Add("a", 60);
  Add("b", 60);
  const auto held = std::make_shared<std::vector<wire::EngineExited>>();
  starter_.on_exited = [held](const wire::EngineExited& exited) { held->push_back(exited); };
  Preload("a");
  const auto b = Ask("b");
  ASSERT_TRUE(Until([&] { return !held->empty(); }));
  Settle();
  EXPECT_EQ(starter_.starts, 1u) << "a was told to go, and is still there";
  fleet_->OnEngineExited(held->at(0));
  ASSERT_TRUE(Until([&] { return b->has_value(); }));
  EXPECT_TRUE(b->value().has_value());
  EXPECT_EQ(starter_.starts, 2u);
}

TEST_F(FleetMemoryTest, WhatWasMeasuredCountsTheNextTime) {
  BuildWith(100);
  Add("a", 30, {.loaded = 70});
  Add("b", 40);
  Preload("a");
  EXPECT_EQ(UsedMiB(), 70u);
  ASSERT_TRUE(fleet_->Stop("a").has_value());
  Preload("b");
  starter_.go_on.Reset();
  const auto again = Ask("a");
  ASSERT_TRUE(Until([&] { return starter_.starts == 3; }));
  EXPECT_EQ(UsedMiB(), 70u) << "not what its file promised";
  EXPECT_THAT(Loaded(), ElementsAre()) << "b gave way";
  starter_.go_on.Set();
  ASSERT_TRUE(Until([&] { return again->has_value(); }));
}

TEST_F(FleetMemoryTest, OtherSettingsAreAnotherSize) {
  BuildWith(100);
  Add("a", 30, {.loaded = 70});
  Preload("a");
  ASSERT_TRUE(fleet_->Stop("a").has_value());
  files_["a"].settings.context_tokens = 32;
  models_["a"] = {.loaded = 35};
  Preload("a");
  EXPECT_EQ(UsedMiB(), 35u);
}

TEST_F(FleetMemoryTest, AnEngineThatTakesMoreThanWasExpectedPushesIdleOnesOut) {
  BuildWith(100);
  Add("a", 40);
  Add("b", 40, {.loaded = 80});
  Preload("a");
  ASSERT_TRUE(Preload("b").has_value());
  EXPECT_THAT(Loaded(), ElementsAre("b"));
}

TEST_F(FleetMemoryTest, SoDoesOneThatGrowsWhileItWorks) {
  BuildWith(100);
  Add("a", 30);
  Add("b", 40, {.loaded = 40, .used = 80});
  Preload("a");
  ASSERT_TRUE(Generate("b").has_value());
  ASSERT_TRUE(Until([&] { return UsedMiB() == 80; })) << "it is asked when it is idle";
  EXPECT_THAT(Loaded(), ElementsAre("b"));
}

TEST_F(FleetMemoryTest, AModelThatCanNeverFitIsRefusedAtOnceWithWhatWould) {
  BuildWith(100);
  Add("idle", 40);
  Add("large", 300);
  files_["large"].why_too_large = [](uint64_t bytes) {
    return "it would fit " + SizeText(bytes) + " as Q2_K";
  };
  Preload("idle");
  const Error refused = Preload("large").error();
  EXPECT_EQ(refused.code, Code::kUnavailable);
  EXPECT_EQ(refused.reason, "model_too_large");
  EXPECT_EQ(refused.message,
            "'large' is larger than the 100.0 MiB that models may take: it would fit 100.0 MiB as "
            "Q2_K");
  EXPECT_EQ(refused.retry_after_s, 0);
  EXPECT_THAT(Loaded(), ElementsAre("idle")) << "nobody went for it";
}

TEST_F(FleetMemoryTest, AModelThatMayFitIsTriedAlone) {
  BuildWith(100);
  Add("idle", 40);
  Add("tight", /*likely=*/120, {.loaded = 110}, /*least=*/90);
  Preload("idle");
  ASSERT_TRUE(Preload("tight").has_value());
  EXPECT_THAT(Loaded(), ElementsAre("tight"));
  ASSERT_TRUE(fleet_->Stop("tight").has_value());
  EXPECT_TRUE(Preload("tight").has_value()) << "also when it has been measured";
}

TEST_F(FleetMemoryTest, WhereNobodyChoseABoundALargeModelIsLoadedWhenItIsAlone) {
  BuildWith(100, /*guess=*/true);
  Add("small", 10);
  Add("large", 300);
  Hold("small");
  EXPECT_EQ(Preload("large").error().reason, "no_room_for_model");
  streams_.clear();
  ASSERT_TRUE(Preload("large").has_value());
  EXPECT_THAT(Loaded(), ElementsAre("large"));
  ASSERT_TRUE(Preload("small").has_value());
  EXPECT_THAT(Loaded(), ElementsAre("small"));
}

TEST_F(FleetMemoryTest, APinnedModelStaysAndIsNotLetGoByARequest) {
  BuildWith(100);
  Add("pinned", 60);
  Add("new", 60);
  ASSERT_TRUE(Preload("pinned", -1).has_value());
  EXPECT_TRUE(Status().at(0).pinned);
  ASSERT_TRUE(Generate("pinned", /*keep_alive_ms=*/0).has_value());
  clock_.Advance(hours(100));
  Settle();
  const Error refused = Preload("new").error();
  EXPECT_EQ(refused.reason, "no_room_for_model");
  EXPECT_EQ(refused.retry_after_s, 0) << "waiting helps nobody";
  ASSERT_TRUE(Preload("pinned", 60'000).has_value()) << "whoever may load models may let it go";
  EXPECT_TRUE(Preload("new").has_value());
}

TEST_F(FleetMemoryTest, AModelIsPinnedByItsOwnSettingAndNotByARequestsWish) {
  BuildWith(100);
  Add("pinned", 50);
  files_["pinned"].keep_alive = Duration(-1);
  Add("wished", 50);
  Add("new", 50);
  Preload("pinned");
  ASSERT_TRUE(Generate("wished", /*keep_alive_ms=*/-1).has_value());
  clock_.Advance(hours(100));
  Settle();
  EXPECT_THAT(Loaded(), ElementsAre("pinned", "wished")) << "time unloads neither";
  ASSERT_TRUE(Preload("new").has_value());
  EXPECT_THAT(Loaded(), UnorderedElementsAre("pinned", "new"));
}

TEST_F(FleetMemoryTest, AModelsOwnTimeReplacesTheOneForAll) {
  BuildWith(100);
  Add("m", 10);
  files_["m"].keep_alive = hours(2);
  Preload("m");
  EXPECT_EQ(Status().at(0).unloads_in, hours(2));
  EXPECT_FALSE(Status().at(0).pinned);
}

TEST_F(FleetMemoryTest, AnEngineThatDiedIsReplacedInItsOwnPlace) {
  BuildWith(100);
  Add("a", 60);
  Add("b", 40);
  Preload("a");
  Preload("b");
  starter_.engine(1).Die();
  ASSERT_TRUE(Until([&] { return starter_.starts == 3 && Loaded().size() == 2; }));
  EXPECT_THAT(Loaded(), ElementsAre("a", "b"));
  EXPECT_EQ(UsedMiB(), 100u);
}

TEST_F(FleetMemoryTest, OtherBoundsHoldAtOnceAndNobodyInUseGoes) {
  BuildWith(100);
  for (const char* name : {"a", "b", "c"}) Add(name, 30);
  Preload("a");
  Hold("b");
  Preload("c");
  fleet_->SetBounds(uint64_t{70} << 20, /*memory_is_guess=*/false, /*engines_max=*/8);
  EXPECT_EQ(Loaded().size(), 2u);
  EXPECT_THAT(Loaded(), testing::Contains("b"));
  fleet_->SetBounds(uint64_t{10} << 20, false, 8);
  EXPECT_THAT(Loaded(), ElementsAre("b")) << "in use";
  EXPECT_EQ(Preload("a").error().reason, "model_too_large");
  fleet_->SetBounds(uint64_t{100} << 20, false, /*engines_max=*/2);
  EXPECT_TRUE(Preload("a").has_value());
  EXPECT_TRUE(Preload("c").has_value());
  EXPECT_THAT(Loaded(), UnorderedElementsAre("b", "c")) << "two at once";
  streams_.clear();
  fleet_->SetBounds(uint64_t{10} << 20, /*memory_is_guess=*/true, 8);
  EXPECT_EQ(Loaded().size(), 1u) << "a guess lets one alone stay";
}

TEST_F(FleetMemoryTest, WhatFailedHoldsNothing) {
  BuildWith(100);
  Add("a", 60);
  Add("b", 60);
  starter_.refusal = Error{Code::kUnavailable, "not now", "", "", /*retry_after_s=*/30};
  EXPECT_FALSE(Preload("a").has_value());
  EXPECT_EQ(UsedMiB(), 0u);
  starter_.refusal = {};
  EXPECT_TRUE(Preload("b").has_value());
}

}  // namespace
}  // namespace weir::backends
