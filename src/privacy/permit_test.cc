#include "privacy/permit.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace weir::privacy {
namespace {

static_assert(!std::is_default_constructible_v<Permit>);
static_assert(!std::is_copy_constructible_v<Permit>);
static_assert(!std::is_constructible_v<Permit, wire::PermitSlip>);
static_assert(std::is_nothrow_move_constructible_v<Permit>);

const MonotonicTime kNow{std::chrono::seconds(100)};
const std::string kKey(32, 'k');
const std::string kPolicy = PolicyHash("policy");

std::vector<Destination> Places() {
  return {{"cloud", {"https://api.example/v1", "https://b.example/v1"}, chat::Label::kInternal},
          {"rack", {"http://10.0.0.2:8000/v1"}, chat::Label::kSecret}};
}

chat::ProviderCall Call() {
  return {.path = "/chat/completions",
          .headers = {{"content-type", "application/json"}},
          .body = R"({"model":"m"})"};
}

class PermitTest : public testing::Test {
 protected:
  wire::EgressCall Permitted(const Purpose& purpose = {"req", "big", "cloud", 0,
                                                       chat::Label::kInternal}) {
    const chat::ProviderCall call = Call();
    auto permit = office_.Issue(purpose, call, kNow);
    EXPECT_TRUE(permit.has_value());
    return {.permit = std::move(*permit).Spend(),
            .method = call.method,
            .path = call.path,
            .headers = call.headers,
            .body = call.body};
  }
  std::string Refusal(const wire::EgressCall& call, MonotonicTime now = kNow) {
    const auto redeemed = book_.Redeem(call, now);
    return redeemed ? "accepted" : redeemed.error().reason;
  }

  PermitOffice office_{Places(), kPolicy, kKey};
  PermitBook book_{Places(), kPolicy, kKey};
};

TEST_F(PermitTest, OpensTheDoorOnceForItsOwnBytes) {
  const wire::EgressCall call = Permitted();
  EXPECT_EQ(book_.Redeem(call, kNow), "https://api.example/v1");
  EXPECT_EQ(Refusal(call), "permit_used");
}

TEST_F(PermitTest, IsNotIssuedAboveTheCeilingNorForAnUnknownPlace) {
  EXPECT_EQ(
      office_.Issue({"r", "t", "cloud", 0, chat::Label::kPersonal}, Call(), kNow).error().reason,
      "label_exceeds_ceiling");
  EXPECT_EQ(
      office_.Issue({"r", "t", "cloud", 0, chat::Label::kUnscanned}, Call(), kNow).error().reason,
      "label_exceeds_ceiling");
  EXPECT_EQ(office_.Issue({"r", "t", "moon", 0, chat::Label::kPublic}, Call(), kNow).error().reason,
            "unknown_destination");
  EXPECT_EQ(
      office_.Issue({"r", "t", "cloud", 2, chat::Label::kPublic}, Call(), kNow).error().reason,
      "unknown_destination");
}

TEST_F(PermitTest, EveryByteCounts) {
  wire::EgressCall call = Permitted();
  call.body.back() = ']';
  EXPECT_EQ(Refusal(call), "permit_bytes");
  call = Permitted();
  call.path += "x";
  EXPECT_EQ(Refusal(call), "permit_bytes");
  call = Permitted();
  call.method = "PUT";
  EXPECT_EQ(Refusal(call), "permit_bytes");
  call = Permitted();
  call.headers.emplace_back("x-more", "1");
  EXPECT_EQ(Refusal(call), "permit_bytes");
  call = Permitted();
  // The same bytes, cut differently.
  call.headers[0] = {"content-typ", "eapplication/json"};
  EXPECT_EQ(Refusal(call), "permit_bytes");
}

TEST_F(PermitTest, EveryFieldIsSealed) {
  const auto changed = [this](auto change) {
    wire::EgressCall call = Permitted();
    change(call.permit);
    return Refusal(call);
  };
  EXPECT_EQ(changed([](auto& p) { p.label = chat::Label::kPublic; }), "permit_forged");
  EXPECT_EQ(changed([](auto& p) { p.backend = "rack"; }), "permit_forged");
  EXPECT_EQ(changed([](auto& p) { p.replica = 1; }), "permit_forged");
  EXPECT_EQ(changed([](auto& p) { p.expires_ns += 1; }), "permit_forged");
  EXPECT_EQ(changed([](auto& p) { p.serial += 1; }), "permit_forged");
  EXPECT_EQ(changed([](auto& p) { p.request_id = "other"; }), "permit_forged");
  EXPECT_EQ(changed([](auto& p) { p.digest[0] ^= 1; }), "permit_forged");
  EXPECT_EQ(changed([](auto& p) { p.mac.clear(); }), "permit_forged");
  EXPECT_EQ(changed([](auto& p) { p.body_bytes_max += 1; }), "permit_forged");
}

TEST_F(PermitTest, Expires) {
  EXPECT_EQ(Refusal(Permitted(), kNow + kPermitLife), "permit_expired");
}

TEST_F(PermitTest, OfAnotherOfficeOrConfigurationDoesNotCount) {
  PermitBook other_key(Places(), kPolicy, std::string(32, 'x'));
  EXPECT_EQ(other_key.Redeem(Permitted(), kNow).error().reason, "permit_forged");
  PermitBook other_policy(Places(), PolicyHash("policy2"), kKey);
  EXPECT_EQ(other_policy.Redeem(Permitted(), kNow).error().reason, "permit_policy");
}

TEST_F(PermitTest, TheDoorHoldsTheCeilingByItself) {
  auto lower = Places();
  lower[0].ceiling = chat::Label::kPublic;
  PermitBook stricter(lower, kPolicy, kKey);
  EXPECT_EQ(stricter.Redeem(Permitted(), kNow).error().reason, "label_exceeds_ceiling");
}

TEST_F(PermitTest, CountsOnceAlsoLongAfterAndOutOfOrder) {
  const wire::EgressCall first = Permitted();
  const wire::EgressCall second = Permitted();
  const wire::EgressCall third = Permitted();
  EXPECT_EQ(Refusal(third), "accepted");
  EXPECT_EQ(Refusal(first), "accepted");
  EXPECT_EQ(Refusal(first), "permit_used");
  EXPECT_EQ(Refusal(third), "permit_used");
  // Any number of permits within the life of one.
  for (size_t i = 0; i < 5 * kSerialWindow; ++i) ASSERT_EQ(Refusal(Permitted()), "accepted") << i;
  for (const auto& old : {first, second, third}) EXPECT_EQ(Refusal(old), "permit_used");
}

TEST_F(PermitTest, OnesThatNobodyUsesLeaveTheOthersAlone) {
  const wire::EgressCall early = Permitted();
  for (size_t i = 0; i + 1 < kSerialWindow; ++i) Permitted();
  const wire::EgressCall late = Permitted();
  EXPECT_EQ(Refusal(late), "accepted");
  EXPECT_EQ(Refusal(early), "permit_used") << "too far behind to be known";
  for (size_t i = 0; i < 3 * kSerialWindow; ++i) Permitted();
  EXPECT_EQ(Refusal(Permitted()), "accepted");
  EXPECT_EQ(Refusal(late), "permit_used");
}

}  // namespace
}  // namespace weir::privacy
