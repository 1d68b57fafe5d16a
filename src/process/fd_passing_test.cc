#include "process/fd_passing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "process/socket_pair.h"

namespace weir {
namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

size_t OpenDescriptors() {
  namespace fs = std::filesystem;
  return static_cast<size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

class FdPassing : public testing::Test {
 protected:
  SocketPair pair_ = *MakeMessagePair();
  std::array<std::byte, 64> buffer_{};

  std::string_view Text(const Received& received) const {
    return {reinterpret_cast<const char*>(buffer_.data()), received.size};
  }
};

TEST_F(FdPassing, AMessageArrivesWithItsDescriptors) {
  auto pipe = MakePipe();
  const int sent[] = {pipe->write.get(), pipe->read.get()};
  ASSERT_EQ(*SendMessage(pair_.ours.get(), Bytes("hello"), sent), SendOutcome::kSent);
  auto received = ReceiveMessage(pair_.theirs.get(), buffer_, 2);
  ASSERT_TRUE(received) << received.error().message;
  EXPECT_EQ(received->outcome, ReceiveOutcome::kMessage);
  EXPECT_EQ(Text(*received), "hello");
  ASSERT_EQ(received->descriptors.size(), 2u);
  for (const Fd& fd : received->descriptors) {
    EXPECT_TRUE(fcntl(fd.get(), F_GETFD) & FD_CLOEXEC);
  }
  ASSERT_EQ(write(received->descriptors[0].get(), "x", 1), 1);
  char byte = 0;
  ASSERT_EQ(read(pipe->read.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(FdPassing, MessagesKeepTheirBorders) {
  ASSERT_TRUE(SendMessage(pair_.ours.get(), Bytes("one"), {}));
  ASSERT_TRUE(SendMessage(pair_.ours.get(), Bytes("two"), {}));
  EXPECT_EQ(Text(*ReceiveMessage(pair_.theirs.get(), buffer_, 0)), "one");
  EXPECT_EQ(Text(*ReceiveMessage(pair_.theirs.get(), buffer_, 0)), "two");
}

TEST_F(FdPassing, AMessageLongerThanTheBufferIsAnError) {
  ASSERT_TRUE(SendMessage(pair_.ours.get(), Bytes(std::string(65, 'x')), {}));
  const auto received = ReceiveMessage(pair_.theirs.get(), buffer_, 0);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().code, Code::kTooLarge);
  EXPECT_NE(received.error().message.find("64"), std::string::npos);
}

TEST_F(FdPassing, MoreDescriptorsThanExpectedAreAnErrorAndClosed) {
  const size_t before = OpenDescriptors();
  const int sent[] = {0, 0, 0};
  ASSERT_TRUE(SendMessage(pair_.ours.get(), Bytes("m"), sent));
  const auto received = ReceiveMessage(pair_.theirs.get(), buffer_, 2);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().code, Code::kTooLarge);
  EXPECT_EQ(OpenDescriptors(), before);
}

// A peer that does not use our SendMessage can attach more than we have room for; the kernel cuts
// the list then.
TEST_F(FdPassing, ATruncatedListOfDescriptorsIsAnErrorAndClosed) {
  const size_t before = OpenDescriptors();
  constexpr size_t kMany = kPassedDescriptorsMax + 8;
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int) * kMany)] = {};
  char text[] = "m";
  iovec part{text, 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * kMany);  // all zero: descriptor 0 many times
  ASSERT_EQ(sendmsg(pair_.ours.get(), &message, 0), 1);
  EXPECT_FALSE(ReceiveMessage(pair_.theirs.get(), buffer_, kPassedDescriptorsMax));
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(FdPassing, ACloseIsToldApartFromNothingYet) {
  ASSERT_TRUE(SetNonBlocking(pair_.theirs.get(), true));
  EXPECT_EQ(ReceiveMessage(pair_.theirs.get(), buffer_, 0)->outcome, ReceiveOutcome::kNothingYet);
  ASSERT_TRUE(SendMessage(pair_.ours.get(), Bytes("last"), {}));
  pair_.ours.Reset();
  EXPECT_EQ(Text(*ReceiveMessage(pair_.theirs.get(), buffer_, 0)), "last");
  EXPECT_EQ(ReceiveMessage(pair_.theirs.get(), buffer_, 0)->outcome, ReceiveOutcome::kClosed);
  EXPECT_EQ(*SendMessage(pair_.theirs.get(), Bytes("x"), {}), SendOutcome::kClosed);
}

TEST_F(FdPassing, AFullSocketSaysSoInsteadOfWaiting) {
  ASSERT_TRUE(SetNonBlocking(pair_.ours.get(), true));
  SendOutcome outcome = SendOutcome::kSent;
  int sent = 0;
  for (; sent < 10'000 && outcome == SendOutcome::kSent; ++sent) {
    outcome = *SendMessage(pair_.ours.get(), Bytes("m"), {});
  }
  EXPECT_EQ(outcome, SendOutcome::kFull);
  int received = 0;
  ASSERT_TRUE(SetNonBlocking(pair_.theirs.get(), true));
  while (ReceiveMessage(pair_.theirs.get(), buffer_, 0)->outcome == ReceiveOutcome::kMessage) {
    ++received;
  }
  EXPECT_EQ(received, sent - 1) << "the refused message was not sent in part";
}

TEST(StreamPair, CarriesBytesBothWaysAndClosesOnExec) {
  auto pair = MakeStreamPair();
  ASSERT_TRUE(pair);
  EXPECT_TRUE(fcntl(pair->ours.get(), F_GETFD) & FD_CLOEXEC);
  ASSERT_EQ(write(pair->ours.get(), "ab", 2), 2);
  char two[2];
  ASSERT_EQ(read(pair->theirs.get(), two, 2), 2);
  ASSERT_EQ(write(pair->theirs.get(), "c", 1), 1);
  ASSERT_EQ(read(pair->ours.get(), two, 2), 1);
}

}  // namespace
}  // namespace weir
