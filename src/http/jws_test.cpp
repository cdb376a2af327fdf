#include "http/jws.hpp"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "base/ids.hpp"
#include "http/base64url.hpp"

namespace http {
namespace {

const base::Secret kKey("0123456789abcdef0123456789abcdef");
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";

std::string append_signature(const std::string& text) {
  std::string mac(32, '\0');
  const auto& key = kKey.reveal();
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), reinterpret_cast<unsigned char*>(mac.data()), nullptr);
  return text + '.' + base64url_encode(mac);
}

// Any header and payload, rightly signed whatever the header says.
std::string forge(std::string_view header, std::string_view payload = "{}") {
  return append_signature(base64url_encode(header) + '.' + base64url_encode(payload));
}

TEST(Base64Url, IsRfc4648WithoutPadding) {
  const std::vector<std::pair<std::string, std::string>> vectors{
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64url_encode(bytes), text);
    EXPECT_EQ(base64url_decode(text), bytes);
  }
  EXPECT_EQ(base64url_encode("\xFB\xFF\xFE"), "-__-");
}

TEST(Base64Url, HasOneTextForOneValue) {
  for (const auto* wrong : {"Z", "Zg==", "Zh", "Zm9", "Zm 9v", "Zm9v\n", "Zm+v", "Zm/v", "Zm9v.", "\xC3\xA4"}) {
    EXPECT_EQ(base64url_decode(wrong), std::nullopt) << wrong;
  }
}

TEST(Base64Url, ReturnsWhatWentIn) {
  base::FakeRandom random(7);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    random.fill(std::as_writable_bytes(std::span(bytes)));
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
  }
}

TEST(Jws, VerifiesWhatItSigned) {
  const auto token = sign(base::json::object{{"sub", "ines"}, {"n", 7}}, kKey);
  const auto payload = verify_signature(token, kKey);
  ASSERT_TRUE(payload);
  EXPECT_EQ(base::parse_json(*payload), (base::json::object{{"sub", "ines"}, {"n", 7}}));
  EXPECT_EQ(verify_signature(token, base::Secret("another key, of thirty-two bytes")), std::nullopt);
}

TEST(Jws, AgreesWithAnotherHmac) { EXPECT_EQ(verify_signature(forge(kHeader, "{\"a\":1}"), kKey), "{\"a\":1}"); }

TEST(Jws, TakesOneAlgorithmInOneSpelling) {
  for (const auto* header : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"hs256"})", R"({"alg":"HS384"})",
                             R"({"alg":"HS512"})", R"({"alg":"RS256"})", R"({"alg":"ES256"})", R"({"alg":""})",
                             R"({"alg":null})", R"({"alg":256})", R"({"alg":["HS256"]})", R"({"alg":"HS256\u0000"})",
                             R"({"Alg":"HS256"})", "{}", "[]", "\"HS256\"", "7", "", "{"}) {
    EXPECT_EQ(verify_signature(forge(header), kKey), std::nullopt) << header;
  }
}

TEST(Jws, RefusesHeadersItDoesNotUnderstand) {
  for (const auto* header :
       {R"({"alg":"HS256","crit":["exp"],"exp":1})", R"({"alg":"HS256","crit":[]})", R"({"alg":"HS256","b64":false})",
        R"({"alg":"HS256","b64":true,"crit":["b64"]})", R"({"alg":"HS256","zip":"DEF"})",
        R"({"alg":"HS256","typ":"JWE"})", R"({"alg":"HS256","typ":7})", R"({"alg":"none","alg":"HS256"})",
        R"({"alg":"HS256","alg":"HS256"})", R"({"alg":"HS256","x":[[[[[[1]]]]]]})",
        "{\"alg\":\"HS256\",\"kid\":\"\xC3\x28\"}"}) {
    EXPECT_EQ(verify_signature(forge(header), kKey), std::nullopt) << header;
  }
  EXPECT_TRUE(verify_signature(forge(R"({"alg":"HS256","kid":"a:b\"c:","jku":"https://keys.example/"})"), kKey));
}

TEST(Jws, HasExactlyThreePartsOfBoundedSize) {
  const auto good = forge(kHeader);
  for (const auto& token :
       {good + ".", "." + good, good + ".x", good.substr(0, good.rfind('.')), good.substr(0, good.rfind('.') + 1),
        std::string("."), std::string(".."), std::string("..."), good + "=", good + " ", " " + good, good + '\0'}) {
    EXPECT_EQ(verify_signature(token, kKey), std::nullopt) << token;
  }
  EXPECT_TRUE(verify_signature(forge(kHeader, std::string(5000, ' ')), kKey));
  EXPECT_EQ(verify_signature(forge(kHeader, std::string(9000, ' ')), kKey), std::nullopt);
}

TEST(Jws, RefusesEveryMutationOfAToken) {
  const auto good = sign(base::json::object{{"sub", "ines"}, {"tenant_id", "bakery"}, {"exp", 1'800'000'000}}, kKey);
  base::FakeRandom random(42);
  for (int round = 0; round < 20'000; ++round) {
    auto token = good;
    for (auto changes = random.next() % 4 + 1; changes > 0; --changes) {
      const auto at = random.next() % token.size();
      switch (random.next() % 4) {
        case 0: token[at] = static_cast<char>(random.next()); break;
        case 1: token.erase(at, random.next() % 8 + 1); break;
        case 2: token.insert(at, 1, static_cast<char>(random.next())); break;
        default: token[at] = token[random.next() % token.size()]; break;
      }
      if (token.empty()) token = "x";
    }
    if (token != good) ASSERT_EQ(verify_signature(token, kKey), std::nullopt) << round;
  }
}

TEST(Jws, ReadsObjectsStrictly) {
  EXPECT_EQ(parse_object_strictly(R"({"a:b":"c:\"d\":","e":{"f":1},"g":[{"h":2}]})", 8).size(), 3u);
  for (const auto* wrong : {"", "[]", "null", R"({"a":1,"a":2})", R"({"a":{"b":1,"b":1}})", R"({"x":[{"b":1,"b":1}]})",
                            R"({"a":1,"\u0061":2})", "{\"a\":\"\xFF\"}", "{} {}", "{\"a\":[[[[1]]]]}"}) {
    EXPECT_THROW(parse_object_strictly(wrong, 3), base::Error) << wrong;
  }
}

// Project Wycheproof's vectors. Four of them contradict RFC 7515 or each other, and are expected otherwise here:
// 367 and 370 are marked invalid, but are the very bytes of 357, which is marked valid; 372 and 373 are marked valid
// with a '?' in the encoded text, which RFC 7515, section 5.2, rules out, and which changes the signed text.
const std::set<std::int64_t> kSameAsValid{367, 370};
const std::set<std::int64_t> kValidOnlyWhenCharactersAreSkipped{372, 373};

std::optional<base::json::value> load_vectors() {
  const char* folder = std::getenv("PURPOSEPATH_VECTORS");
  std::ifstream file(std::string(folder == nullptr ? "" : folder) + "/wycheproof/json_web_signature_test.json");
  if (folder == nullptr || !file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return base::parse_json(text.str());
}

std::string text_of(const base::json::value* value) {
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

TEST(Wycheproof, JsonWebSignatures) {
  const auto vectors = load_vectors();
  if (!vectors) {
    if (const char* required = std::getenv("PURPOSEPATH_VECTORS_REQUIRED"); required != nullptr && *required == '1') {
      FAIL() << "no vectors: PURPOSEPATH_VECTORS must name the folder that holds wycheproof/";
    }
    GTEST_SKIP() << "skipped: no vectors";
  }
  int seen = 0, accepted = 0;
  for (const auto& group : vectors->at("testGroups").as_array()) {
    const auto& described = group.as_object();
    const auto* key = described.if_contains("private");
    if (key == nullptr) key = described.if_contains("public");
    ASSERT_NE(key, nullptr);
    const auto& jwk = key->as_object();
    const bool ours = text_of(jwk.if_contains("kty")) == "oct" && text_of(jwk.if_contains("alg")) == "HS256";
    // A verifier that mixes algorithms up would take a public key's text as an HMAC key.
    const auto secret = ours ? base64url_decode(text_of(jwk.if_contains("k"))) : base::json::serialize(jwk);
    ASSERT_TRUE(secret);
    for (const auto& test : group.at("tests").as_array()) {
      const auto id = test.at("tcId").to_number<std::int64_t>();
      bool valid = ours && test.at("result") == "valid";
      if (kSameAsValid.contains(id)) valid = true;
      if (kValidOnlyWhenCharactersAreSkipped.contains(id)) valid = false;
      const auto& jws = test.at("jws");
      const auto token = jws.is_string() ? text_of(&jws) : base::json::serialize(jws);
      EXPECT_EQ(verify_signature(token, base::Secret(*secret)).has_value(), valid) << id << ' ' << test.at("comment");
      ++seen;
      accepted += valid ? 1 : 0;
    }
  }
  EXPECT_EQ(seen, vectors->at("numberOfTests"));
  EXPECT_EQ(accepted, 10);
}

}  // namespace
}  // namespace http
