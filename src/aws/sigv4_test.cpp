#include "aws/sigv4.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "aws/percent.hpp"
#include "base/json.hpp"

namespace aws {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string text_at(const base::json::value& object, const char* name) {
  const auto* member = object.as_object().if_contains(name);
  return member != nullptr ? std::string(member->as_string()) : std::string();
}

bool flag_at(const base::json::value& object, const char* name) {
  const auto* member = object.as_object().if_contains(name);
  return member != nullptr && member->as_bool();
}

struct Case {
  Credentials credentials;
  std::string region, service;
  SigningOptions options;
  base::Time time;
  std::chrono::seconds valid_for{};
  net::HttpRequest request;
};

// The suite writes "Name:value" and continues a value on lines that begin with a space.
void read_request(const std::string& text, Case& out) {
  const auto head_end = std::min(text.find("\n\n"), text.size());
  if (head_end + 2 < text.size()) out.request.body = text.substr(head_end + 2);
  std::istringstream head(text.substr(0, head_end));
  std::string line;
  std::getline(head, line);
  const auto target_end = line.rfind(' ');
  const auto method_end = line.find(' ');
  out.request.method = line.substr(0, method_end);
  out.request.url.target = line.substr(method_end + 1, target_end - method_end - 1);
  while (std::getline(head, line)) {
    if (line.starts_with(' ')) {
      out.request.headers.back().second += '\n' + line;
      continue;
    }
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    if (name == "Host") {
      out.request.url.authority = line.substr(colon + 1);
    } else {
      out.request.headers.emplace_back(name, line.substr(colon + 1));
    }
  }
}

Case load(const fs::path& folder) {
  const auto context = base::parse_json(read(folder / "context.json"));
  const auto& credentials = context.at("credentials");
  Case out{.credentials = {.access_key_id = text_at(credentials, "access_key_id"),
                           .secret_access_key = base::Secret(text_at(credentials, "secret_access_key")),
                           .session_token = base::Secret(text_at(credentials, "token"))},
           .region = text_at(context, "region"),
           .service = text_at(context, "service"),
           .options = {.normalize_path = flag_at(context, "normalize"),
                       .says_content_hash = flag_at(context, "sign_body"),
                       .signs_session_token = !flag_at(context, "omit_session_token")},
           .time = base::parse_time(text_at(context, "timestamp")),
           .valid_for = std::chrono::seconds(context.at("expiration_in_seconds").as_int64())};
  read_request(read(folder / "request.txt"), out);
  return out;
}

// The suite puts Host where the request had it; headers have no order that matters.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  std::ranges::sort(lines);
  return lines;
}

std::string written(const net::HttpRequest& request) {
  auto text = request.method + " " + request.url.target + " HTTP/1.1\nHost:" + request.url.authority + "\n";
  for (const auto& [name, value] : request.headers) text += name + ":" + value + "\n";
  return text + "\n" + request.body;
}

std::vector<fs::path> official_cases() {
  const char* folder = std::getenv("PURPOSEPATH_VECTORS");
  std::vector<fs::path> cases;
  if (folder == nullptr) return cases;
  for (const auto& entry : fs::directory_iterator(fs::path(folder) / "aws-sigv4")) {
    if (entry.is_directory()) cases.push_back(entry.path());
  }
  std::ranges::sort(cases);
  return cases;
}

// False: the test is to end, skipped or, where vectors are demanded, failed.
#define NEED_VECTORS(cases)                                                                                   \
  if ((cases).empty()) {                                                                                      \
    const char* required = std::getenv("PURPOSEPATH_VECTORS_REQUIRED");                                       \
    if (required != nullptr && std::string_view(required) == "1") FAIL() << "PURPOSEPATH_VECTORS is not set"; \
    GTEST_SKIP() << "no vectors";                                                                             \
  }

TEST(SigV4, SignsAmazonsOwnCasesByHeaders) {
  const auto cases = official_cases();
  NEED_VECTORS(cases);
  EXPECT_EQ(cases.size(), 38U);
  for (const auto& folder : cases) {
    SCOPED_TRACE(folder.filename().string());
    auto it = load(folder);
    Signer signer(it.region, it.service, it.options);
    const auto made = signer.sign(it.request, it.credentials, it.time);
    EXPECT_EQ(made.canonical_request, read(folder / "header-canonical-request.txt"));
    EXPECT_EQ(made.string_to_sign, read(folder / "header-string-to-sign.txt"));
    EXPECT_EQ(made.signature, read(folder / "header-signature.txt"));
    EXPECT_EQ(lines_of(written(it.request)), lines_of(read(folder / "header-signed-request.txt")));
  }
}

TEST(SigV4, SignsAmazonsOwnCasesByTheQuery) {
  const auto cases = official_cases();
  NEED_VECTORS(cases);
  for (const auto& folder : cases) {
    SCOPED_TRACE(folder.filename().string());
    auto it = load(folder);
    it.options.says_content_hash = false;
    Signer signer(it.region, it.service, it.options);
    const auto made = signer.presign(it.request, it.credentials, it.time, it.valid_for);
    EXPECT_EQ(made.canonical_request, read(folder / "query-canonical-request.txt"));
    EXPECT_EQ(made.string_to_sign, read(folder / "query-string-to-sign.txt"));
    EXPECT_EQ(made.signature, read(folder / "query-signature.txt"));
    EXPECT_EQ(lines_of(written(it.request)), lines_of(read(folder / "query-signed-request.txt")));
  }
}

const Credentials kExample{.access_key_id = "AKIDEXAMPLE",
                           .secret_access_key = base::Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")};

net::HttpRequest converse(std::string_view model) {
  net::HttpRequest request{.method = "POST", .headers = {{"content-type", "application/json"}}};
  request.url = net::parse_url("https://bedrock-runtime.us-east-1.amazonaws.com");
  request.url.target = "/model/" + percent_encode(model) + "/converse";
  request.body = R"({"messages":[]})";
  return request;
}

// Amazon's suite has no escape in a path; these two were computed with botocore 1.29.27.
TEST(SigV4, EscapesTheEscapesOfAPathOnceMore) {
  Signer signer("us-east-1", "bedrock");
  const auto time = base::parse_time("2015-08-30T12:36:00Z");
  auto profile = converse("us.anthropic.claude-sonnet-4-20250514-v1:0");
  const auto made = signer.sign(profile, kExample, time);
  EXPECT_NE(made.canonical_request.find("/model/us.anthropic.claude-sonnet-4-20250514-v1%253A0/converse\n"),
            std::string::npos);
  EXPECT_EQ(made.signature, "40e0b26f1b49e01d3cb4489d545a017251c1f00bc991acaa05d0e1c46df51ec8");

  auto arn =
      converse("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0");
  auto temporary = kExample;
  temporary.session_token = base::Secret("TOKEN");
  EXPECT_EQ(signer.sign(arn, temporary, time).signature,
            "abce5b563a1c6f86e8e47be8c189a132a216b91a8a4d024abfaf1aac321be29b");
}

TEST(SigV4, SignsTheSameAgainAfterOtherKeysAndDays) {
  Signer signer("us-east-1", "bedrock");
  const auto time = base::parse_time("2015-08-30T12:36:00Z");
  auto request = converse("m");
  const auto first = signer.sign(request, kExample, time).signature;
  auto other = kExample;
  other.secret_access_key = base::Secret("other");
  EXPECT_NE(signer.sign(request, other, time).signature, first);
  EXPECT_NE(signer.sign(request, kExample, time + 24h).signature, first);
  EXPECT_EQ(signer.sign(request, kExample, time).signature, first);
  EXPECT_EQ(request.headers.size(), 3U) << "signing again replaces what the first signature added";
}

TEST(SigV4, LeavesOutWhatProxiesChange) {
  Signer signer("us-east-1", "bedrock");
  auto request = converse("m");
  request.headers.emplace_back("User-Agent", "x");
  request.headers.emplace_back("X-Amzn-Trace-Id", "y");
  const auto made = signer.sign(request, kExample, base::Time());
  EXPECT_NE(made.canonical_request.find("\n\ncontent-type;host;x-amz-date\n"), std::string::npos);
}

TEST(Percent, KeepsUnreservedCharactersAlone) {
  EXPECT_EQ(percent_encode("aZ09-._~:/ +%\xC3\xA9"), "aZ09-._~%3A%2F%20%2B%25%C3%A9");
  EXPECT_EQ(percent_decode("%41%3a%2F+%zz%4"), "A:/+%zz%4");
}

}  // namespace
}  // namespace aws
