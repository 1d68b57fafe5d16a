#include "chat/provider.h"

#include <gtest/gtest.h>

namespace weir::chat {
namespace {

TEST(ProviderStatus, SaysWhoFailedAndWhetherItMayPass) {
  EXPECT_EQ(ProviderStatusError(429, 7, "").reason, "provider_rate_limited");
  EXPECT_EQ(ProviderStatusError(429, 7, "").retry_after_s, 7);
  EXPECT_EQ(ProviderStatusError(410, 0, "").reason, "model_retired");
  EXPECT_EQ(ProviderStatusError(400, 0, "").code, Code::kUnprocessable);
  EXPECT_EQ(ProviderStatusError(302, 0, "").reason, "provider_redirected");
  EXPECT_EQ(ProviderStatusError(599, 0, "").code, Code::kBackendFailed);
  EXPECT_EQ(ProviderStatusError(500, 0, "unreadable_output").reason, "unreadable_output");
}

TEST(ProviderStatus, ShowsAWordOfTheProviderAndNoSentence) {
  EXPECT_NE(ProviderStatusError(500, 0, "server_error").message.find("server_error"),
            std::string::npos);
  EXPECT_EQ(ProviderStatusError(500, 0, "you wrote: my secret").message.find("secret"),
            std::string::npos);
}

TEST(RetryAfter, IsReadInSecondsAndBounded) {
  EXPECT_EQ(RetryAfterSeconds({{"retry-after", "3"}}), 3);
  EXPECT_EQ(RetryAfterSeconds({{"retry-after", "1.2"}}), 2);
  EXPECT_EQ(RetryAfterSeconds({{"retry-after", "999999"}}), 3600);
  EXPECT_EQ(RetryAfterSeconds({{"retry-after", "-3"}}), 0);
  EXPECT_EQ(RetryAfterSeconds({{"retry-after", "99999999999999999999"}}), 0);
  EXPECT_EQ(RetryAfterSeconds({{"retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"}}), 0);
  EXPECT_EQ(RetryAfterSeconds({}), 0);
}

}  // namespace
}  // namespace weir::chat
