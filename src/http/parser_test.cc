#include "http/parser.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <vector>

namespace weir::http {
namespace {

struct Case {
  std::string name;
  std::string expected;
  std::string bytes;
};

// \r \n \t \0 \\ \xHH, and {text*N}.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') {
      const size_t end = text.find('}', i);
      const size_t star = text.rfind('*', end);
      const std::string piece = Unescape(text.substr(i + 1, star - i - 1));
      const int count = std::stoi(std::string(text.substr(star + 1, end - star - 1)));
      for (int n = 0; n < count; ++n) out += piece;
      i = end;
    } else if (text[i] == '\\') {
      const char c = text[++i];
      if (c == 'x') {
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
      }
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<Case> ReadCases() {
  std::ifstream file(WEIR_SOURCE_DIR "/src/http/testdata/requests.txt");
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    if (line.starts_with("= ")) {
      const size_t arrow = line.find(" -> ");
      cases.push_back({line.substr(2, arrow - 2), line.substr(arrow + 4), ""});
    } else if (!cases.empty()) {
      cases.back().bytes += Unescape(line);
    }
  }
  return cases;
}

std::string Outcome(const std::string& bytes, size_t piece) {
  RequestParser parser{ParserLimits{}};
  std::string_view rest = bytes;
  while (!rest.empty()) {
    rest.remove_prefix(parser.Feed(rest.substr(0, piece)));
    if (parser.state() == RequestParser::State::kRefused) {
      EXPECT_FALSE(parser.refusal().message.empty());
      return std::to_string(parser.refusal().status) + " " + std::string(parser.refusal().reason);
    }
    if (parser.state() != RequestParser::State::kComplete) continue;
    EXPECT_TRUE(rest.empty()) << "bytes are left";
    const Request request = parser.TakeRequest();
    std::string text = "ok " + request.method + " " + request.path;
    if (!request.query.empty()) text += "?" + request.query;
    if (!request.body.empty()) text += " body=" + request.body;
    return text;
  }
  return "incomplete";
}

TEST(Parser, AnswersEveryCaseOfTheTableHoweverItIsCut) {
  const std::vector<Case> cases = ReadCases();
  ASSERT_GT(cases.size(), 90u);
  for (const Case& c : cases) {
    EXPECT_EQ(Outcome(c.bytes, c.bytes.size()), c.expected) << c.name;
    EXPECT_EQ(Outcome(c.bytes, 1), c.expected) << c.name << ", byte by byte";
    EXPECT_EQ(Outcome(c.bytes, (c.bytes.size() + 1) / 2), c.expected) << c.name << ", in halves";
  }
}

TEST(Parser, StopsAtTheEndOfARequestAndReadsTheNext) {
  RequestParser parser{ParserLimits{}};
  const std::string one = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
  const std::string two = "GET /2 HTTP/1.0\r\nHost: a\r\n\r\n";
  EXPECT_FALSE(parser.started());
  ASSERT_EQ(parser.Feed(one + two), one.size());
  Request first = parser.TakeRequest();
  EXPECT_EQ(first.path, "/1");
  EXPECT_EQ(first.body, "hi");
  EXPECT_TRUE(first.keep_alive);
  EXPECT_FALSE(parser.started());
  ASSERT_EQ(parser.Feed(two), two.size());
  const Request second = parser.TakeRequest();
  EXPECT_EQ(second.path, "/2");
  EXPECT_TRUE(second.body.empty());
  EXPECT_FALSE(second.keep_alive);
}

TEST(Parser, ConnectionFieldDecidesKeepAlive) {
  const auto keep = [](std::string_view version, std::string_view connection) {
    RequestParser parser{ParserLimits{}};
    parser.Feed("GET / HTTP/1." + std::string(version) +
                "\r\nHost: a\r\nConnection: " + std::string(connection) + "\r\n\r\n");
    return parser.TakeRequest().keep_alive;
  };
  EXPECT_TRUE(keep("1", "keep-alive"));
  EXPECT_FALSE(keep("1", "Close"));
  EXPECT_FALSE(keep("1", "x, close"));
  EXPECT_FALSE(keep("1", "keep-alive, close"));
  EXPECT_TRUE(keep("0", "Keep-Alive"));
  EXPECT_FALSE(keep("0", "x"));
}

TEST(Parser, ShowsTheHeadBeforeTheBodyAndAsksForContinue) {
  RequestParser parser{ParserLimits{}};
  parser.Feed("PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(parser.state(), RequestParser::State::kBody);
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_EQ(parser.request().host(), "a");
}

TEST(Parser, ChunkedBodyOverTheLimitIsRefusedBeforeItIsHeld) {
  RequestParser parser{ParserLimits{.body_bytes = 10}};
  parser.Feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n");
  EXPECT_EQ(parser.state(), RequestParser::State::kBody);
  parser.Feed("3\r\n");
  ASSERT_EQ(parser.state(), RequestParser::State::kRefused);
  EXPECT_EQ(parser.refusal().status, 413);
  EXPECT_NE(parser.refusal().message.find("10"), std::string::npos);
}

TEST(Parser, BelowOnePathBodiesMayBeLarger) {
  const auto state_of = [](std::string_view line, size_t bytes) {
    RequestParser parser{
        ParserLimits{.body_bytes = 10, .larger_prefix = "/up/", .larger_body_bytes = 20}};
    const std::string body(bytes, 'x');
    parser.Feed(std::string(line) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                std::to_string(bytes) + "\r\n\r\n" + body);
    return parser.state();
  };
  EXPECT_EQ(state_of("POST /up/x", 20), RequestParser::State::kComplete);
  EXPECT_EQ(state_of("POST /up/x", 21), RequestParser::State::kRefused);
  EXPECT_EQ(state_of("PUT /up/x", 11), RequestParser::State::kRefused);
  EXPECT_EQ(state_of("POST /upx", 11), RequestParser::State::kRefused);
}

TEST(Headers, AreFoundWithoutCaseAndKeepTheirOrder) {
  Headers headers;
  headers.Add("Accept", "a");
  headers.Add("X-Two", "");
  headers.Add("ACCEPT", "b");
  EXPECT_EQ(headers.Find("accept"), "a");
  EXPECT_EQ(headers.Find("x-two"), "");
  EXPECT_EQ(headers.Find("x"), std::nullopt);
  EXPECT_EQ(headers.Count("aCCept"), 2u);
  EXPECT_EQ(headers.value(2), "b");
}

TEST(Query, ValuesAreDecoded) {
  EXPECT_EQ(QueryValue("a=1&b=two%20w+x&c", "b"), "two w x");
  EXPECT_EQ(QueryValue("a=1&c", "c"), "");
  EXPECT_EQ(QueryValue("a=1", "b"), std::nullopt);
  EXPECT_EQ(QueryValue("b=%zz", "b"), std::nullopt);
  EXPECT_EQ(PercentDecode("a%2Fb+c"), "a/b+c");
  EXPECT_EQ(PercentDecode("a%2"), std::nullopt);
}

TEST(SplitHost, KnowsNamesAddressesAndPorts) {
  EXPECT_EQ(SplitHost("localhost:80")->port, 80);
  EXPECT_EQ(SplitHost("[::1]:80")->host, "[::1]");
  EXPECT_EQ(SplitHost("[::1]")->port, -1);
  EXPECT_FALSE(SplitHost("::1"));
  EXPECT_FALSE(SplitHost("a:"));
  EXPECT_FALSE(SplitHost("[::1"));
  EXPECT_FALSE(SplitHost("[::1]x"));
  EXPECT_FALSE(SplitHost(""));
}

}  // namespace
}  // namespace weir::http
