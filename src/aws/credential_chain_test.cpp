#include "aws/credential_chain.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <fstream>
#include <thread>

#include "aws/container.hpp"
#include "aws/hash.hpp"
#include "base/error.hpp"
#include "net/impostor_test.hpp"

namespace aws {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using base::Code;
using base::Task;
using net::Impostor;
using net::Peer;
using namespace std::chrono_literals;

constexpr const char* kSecret = "the-secret-that-nobody-may-see";

struct Folder {
  Folder() {
    std::string name = fs::temp_directory_path() / "aws-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& file, std::string_view text) const {
    fs::create_directories((path / file).parent_path());
    std::ofstream(path / file) << text;
  }
  fs::path path;
};

struct CredentialChainTest : testing::Test {
  asio::io_context context{1};
  net::HttpClient http{{}, net::ProxyRules{}};
  base::FakeClock clock;
  Folder home;
  Surroundings around{.variables = {{"AWS_EC2_METADATA_DISABLED", "true"}, {"PATH", "/usr/bin:/bin"}},
                      .home = home.path};
  std::vector<std::string> requests;

  CredentialChain chain(const std::string& profile = "") { return {around, profile, http, clock}; }
  Credentials find(const std::string& profile = "") {
    auto from = chain(profile);
    return *net::await(context, from.get());
  }
  base::Error failure(const std::string& profile = "") {
    try {
      find(profile);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.message.find(kSecret), std::string::npos) << error.message;
      return error;
    }
    ADD_FAILURE() << "credentials were found";
    return {Code::internal_error, ""};
  }
  void config(std::string_view text) { home.write(".aws/config", text); }
  void shared(std::string_view text) { home.write(".aws/credentials", text); }

  std::string in(base::Milliseconds from_now) const { return base::format_time(clock.now() + from_now); }
  std::string keys(std::string_view id, base::Milliseconds lasts = 1h) const {
    return R"({"Code":"Success","AccessKeyId":")" + std::string(id) + R"(","SecretAccessKey":")" + kSecret +
           R"(","Token":"T","Expiration":")" + in(lasts) + "\"}";
  }
  std::string sts_keys(std::string_view id) const {
    return "<R xmlns='x'><Result><Credentials><AccessKeyId>" + std::string(id) + "</AccessKeyId><SecretAccessKey>" +
           kSecret + "</SecretAccessKey><SessionToken>T</SessionToken><Expiration>" + in(1h) +
           "</Expiration></Credentials></Result></R>";
  }
  static std::string status(int code, std::string_view body = "", std::string_view headers = "") {
    return "HTTP/1.1 " + std::to_string(code) + " X\r\n" + std::string(headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  // One answer of these for each request, the last one again and again.
  net::Script answers(std::vector<std::string> list) {
    return [this, list](Peer& peer) -> Task<void> {
      for (;;) {
        auto seen = co_await peer.read_request();
        if (seen.empty()) co_return;
        requests.push_back(seen);
        if (!co_await peer.send(list[std::min(requests.size(), list.size()) - 1])) co_return;
      }
    };
  }
  bool was_sent(std::size_t request, std::string_view text) const {
    return requests.at(request).find(text) != std::string::npos;
  }
};

bool has(const base::Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }

// Where credentials are found.

TEST_F(CredentialChainTest, NamesEveryPlaceThatGaveNothing) {
  const auto error = failure();
  EXPECT_EQ(error.code, Code::validation_error);
  for (const auto* text :
       {"AWS_ACCESS_KEY_ID is not set", "role: profile default has no role_arn", "AWS_WEB_IDENTITY_TOKEN_FILE", "SSO: ",
        "shared credentials file: ", "credential_process: ", "config file: ", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "instance metadata: AWS_EC2_METADATA_DISABLED is true"}) {
    EXPECT_TRUE(has(error, text)) << text << " in " << error.message;
  }
}

TEST_F(CredentialChainTest, TakesTheEnvironmentFirstUnlessAProfileIsSet) {
  around.variables["AWS_ACCESS_KEY_ID"] = "ENV";
  around.variables["AWS_SECRET_ACCESS_KEY"] = kSecret;
  around.variables["AWS_SESSION_TOKEN"] = "T";
  shared("[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n");
  const Credentials expected{.access_key_id = "ENV",
                             .secret_access_key = base::Secret(kSecret),
                             .session_token = base::Secret("T"),
                             .source = "environment"};
  EXPECT_EQ(find(), expected);
  EXPECT_EQ(find("default").access_key_id, "FILE");
  around.variables.erase("AWS_SECRET_ACCESS_KEY");
  EXPECT_TRUE(has(failure(), "AWS_SECRET_ACCESS_KEY is not"));
}

TEST_F(CredentialChainTest, TakesKeysFromEitherFileTheSharedOneFirst) {
  config(
      "[default]\naws_access_key_id = CONFIG\naws_secret_access_key = c\n"
      "[profile other]\naws_access_key_id = OTHER\naws_secret_access_key = o\n");
  EXPECT_EQ(find().access_key_id, "CONFIG");
  shared("# a comment\n[default]\naws_access_key_id=SHARED\r\naws_secret_access_key = a=b#c\r\n  nested = 1\n");
  EXPECT_EQ(find().access_key_id, "SHARED");
  EXPECT_EQ(find().secret_access_key.reveal(), "a=b#c");
  around.variables["AWS_PROFILE"] = "other";
  EXPECT_EQ(find().access_key_id, "OTHER");
  around.variables["AWS_PROFILE"] = "missing";
  EXPECT_TRUE(has(failure(), "the AWS profile missing is neither in "));
}

TEST_F(CredentialChainTest, ReadsFilesElsewhereWhenVariablesSaySo) {
  home.write("elsewhere", "[default]\naws_access_key_id = ELSE\naws_secret_access_key = s\n");
  around.variables["AWS_SHARED_CREDENTIALS_FILE"] = "~/elsewhere";
  EXPECT_EQ(find().access_key_id, "ELSE");
}

// Roles.

TEST_F(CredentialChainTest, AssumesARoleWithTheKeysOfAnotherProfile) {
  Impostor sts(context, answers({status(200, sts_keys("ROLE"))}));
  around.variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  config(
      "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\n"
      "[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\nexternal_id = x y\n"
      "role_session_name = me\nduration_seconds = 900\nregion = eu-west-1\n");
  const auto found = find();
  EXPECT_EQ(found.access_key_id, "ROLE");
  EXPECT_EQ(found.secret_access_key.reveal(), kSecret);
  EXPECT_EQ(found.expires_at, clock.now() + 1h);
  EXPECT_TRUE(was_sent(0,
                       "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
                       "RoleSessionName=me&DurationSeconds=900&ExternalId=x%20y"))
      << requests[0];
  EXPECT_TRUE(was_sent(0, "Authorization: AWS4-HMAC-SHA256 Credential=BASE/20260101/eu-west-1/sts/aws4_request, "));
}

TEST_F(CredentialChainTest, AssumesAChainOfRoles) {
  Impostor sts(context, answers({status(200, sts_keys("FIRST")), status(200, sts_keys("SECOND"))}));
  around.variables["AWS_ENDPOINT_URL"] = sts.url();
  config(
      "[profile a]\nrole_arn = A\nsource_profile = b\n[profile b]\nrole_arn = B\nsource_profile = c\n"
      "[profile c]\naws_access_key_id = C\naws_secret_access_key = s\n");
  EXPECT_EQ(find("a").access_key_id, "SECOND");
  EXPECT_TRUE(was_sent(0, "RoleArn=B&") && was_sent(0, "Credential=C/"));
  EXPECT_TRUE(was_sent(1, "RoleArn=A&") && was_sent(1, "Credential=FIRST/") && was_sent(1, "X-Amz-Security-Token: T"));
}

TEST_F(CredentialChainTest, AssumesARoleByACredentialSource) {
  Impostor sts(context, answers({status(200, sts_keys("ROLE"))}));
  around.variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  around.variables["AWS_ACCESS_KEY_ID"] = "ENV";
  around.variables["AWS_SECRET_ACCESS_KEY"] = "s";
  config(
      "[profile r]\nrole_arn = A\ncredential_source = Environment\n[profile odd]\nrole_arn = A\n"
      "credential_source = Moon\n");
  EXPECT_EQ(find("r").access_key_id, "ROLE");
  EXPECT_TRUE(was_sent(0, "Credential=ENV/"));
  EXPECT_TRUE(has(failure("odd"), "credential_source"));
}

TEST_F(CredentialChainTest, RefusesRolesThatLeadNowhere) {
  config(
      "[profile a]\nrole_arn = A\nsource_profile = b\n[profile b]\nrole_arn = B\nsource_profile = a\n"
      "[profile lost]\nrole_arn = A\nsource_profile = nobody\n[profile bare]\nrole_arn = A\n"
      "[profile both]\nrole_arn = A\nsource_profile = a\ncredential_source = Environment\n"
      "[profile mfa]\nrole_arn = A\nsource_profile = a\nmfa_serial = 1\n"
      "[profile empty]\nx = y\n[profile to_empty]\nrole_arn = A\nsource_profile = empty\n");
  EXPECT_TRUE(has(failure("a"), "leads back to itself"));
  EXPECT_TRUE(has(failure("lost"), "which does not exist"));
  EXPECT_TRUE(has(failure("bare"), "needs either source_profile or credential_source"));
  EXPECT_TRUE(has(failure("both"), "needs either source_profile or credential_source"));
  EXPECT_TRUE(has(failure("mfa"), "mfa_serial"));
  EXPECT_TRUE(has(failure("to_empty"), "has no credentials"));
}

TEST_F(CredentialChainTest, SaysWhatStsAnsweredButNotItsMessage) {
  const auto refusal = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>" + std::string(kSecret) +
                       "</Message></Error></ErrorResponse>";
  Impostor sts(context, answers({status(403, refusal)}));
  around.variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  config(
      "[profile base]\naws_access_key_id = B\naws_secret_access_key = s\n"
      "[default]\nrole_arn = arn:role\nsource_profile = base\n");
  const auto error = failure();
  EXPECT_EQ(error.code, Code::validation_error);
  EXPECT_TRUE(has(error, "403 (AccessDenied)") && has(error, "arn:role")) << error.message;

  Impostor busy(context, answers({status(503)}));
  around.variables["AWS_ENDPOINT_URL_STS"] = busy.url();
  EXPECT_EQ(failure().code, Code::dependency_unavailable);
}

TEST_F(CredentialChainTest, ProvesAWebIdentityWithoutASignature) {
  Impostor sts(context, answers({status(200, sts_keys("WEB"))}));
  around.variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  around.variables["AWS_ROLE_ARN"] = "R";
  around.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = home.path / "token";
  EXPECT_TRUE(has(failure(), "token file"));
  home.write("token", "e.y/J\n");
  EXPECT_EQ(find().access_key_id, "WEB");
  EXPECT_TRUE(was_sent(0, "Action=AssumeRoleWithWebIdentity") && was_sent(0, "&WebIdentityToken=e.y%2FJ"));
  EXPECT_FALSE(was_sent(0, "Authorization"));
  around.variables.erase("AWS_ROLE_ARN");
  EXPECT_TRUE(has(failure(), "AWS_ROLE_ARN is not"));

  around.variables.erase("AWS_WEB_IDENTITY_TOKEN_FILE");
  config("[default]\nrole_arn = P\nweb_identity_token_file = " + (home.path / "token").string() + "\n");
  EXPECT_EQ(find().access_key_id, "WEB");
  EXPECT_TRUE(was_sent(1, "RoleArn=P&"));
}

// Sign-in.

TEST_F(CredentialChainTest, ExchangesTheTokenOfASignIn) {
  Impostor portal(context, answers({status(200, R"({"roleCredentials":{"accessKeyId":"SSO","secretAccessKey":"s",
      "sessionToken":"T","expiration":1767229200000}})")}));
  around.variables["AWS_ENDPOINT_URL_SSO"] = portal.url();
  config(
      "[sso-session corp]\nsso_start_url = https://corp\nsso_region = eu-west-1\n"
      "[default]\nsso_session = corp\nsso_account_id = 12\nsso_role_name = dev/ops\n"
      "[profile old]\nsso_start_url = https://old\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n"
      "[profile lost]\nsso_session = nobody\n[profile bare]\nsso_start_url = x\n");
  EXPECT_TRUE(has(failure(), "aws sso login --profile default"));
  const auto token = R"({"accessToken":"bearer","expiresAt":")" + in(1h) + "\"}";
  home.write(".aws/sso/cache/" + sha1_hex("corp") + ".json", token);
  home.write(".aws/sso/cache/" + sha1_hex("https://old") + ".json", token);
  const auto found = find();
  EXPECT_EQ(found.access_key_id, "SSO");
  EXPECT_EQ(found.expires_at, base::Time(base::Milliseconds(1'767'229'200'000)));
  EXPECT_TRUE(was_sent(0, "GET /federation/credentials?role_name=dev%2Fops&account_id=12 HTTP/1.1\r\n"));
  EXPECT_TRUE(was_sent(0, "x-amz-sso_bearer_token: bearer\r\n"));
  EXPECT_EQ(find("old").access_key_id, "SSO");
  EXPECT_TRUE(has(failure("lost"), "sso-session nobody"));
  EXPECT_TRUE(has(failure("bare"), "has no sso_region"));
  clock.advance(2h);
  EXPECT_TRUE(has(failure(), "has expired"));
}

TEST_F(CredentialChainTest, SaysToSignInAgainWhenThePortalRefuses) {
  Impostor portal(context, answers({status(401, R"({"message":"Session token not found or invalid"})")}));
  around.variables["AWS_ENDPOINT_URL_SSO"] = portal.url();
  config("[default]\nsso_start_url = u\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n");
  home.write(".aws/sso/cache/" + sha1_hex("u") + ".json", R"({"accessToken":"b","expiresAt":")" + in(1h) + "\"}");
  EXPECT_TRUE(has(failure(), "is refused; run: aws sso login"));
}

// Programs.

TEST_F(CredentialChainTest, RunsACredentialProcess) {
  home.write("keys.json", keys("PROCESS"));
  config("[default]\ncredential_process = cat '" + (home.path / "keys.json").string() +
         "'\n"
         "[profile fails]\ncredential_process = false\n[profile missing]\ncredential_process = no-such-program-here\n"
         "[profile odd]\ncredential_process = echo hello\n[profile less]\ncredential_process = echo {}\n");
  EXPECT_EQ(find().access_key_id, "PROCESS");
  EXPECT_EQ(find().session_token.reveal(), "T");
  EXPECT_TRUE(has(failure("fails"), "false ended with status 1"));
  EXPECT_TRUE(has(failure("missing"), "cannot be started"));
  EXPECT_TRUE(has(failure("odd"), "other than a JSON object"));
  EXPECT_TRUE(has(failure("less"), "without AccessKeyId"));
}

// Containers.

TEST(ContainerUrl, TrustsThisMachineAndHttps) {
  const auto host = [](std::string_view url) {
    const Surroundings around{.variables = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", std::string(url)}}};
    return container_url(around)->host;
  };
  for (const auto* good :
       {"http://127.0.0.1/x", "http://127.9.9.9:80/x", "http://localhost/", "http://[::1]/", "http://169.254.170.2/",
        "http://169.254.170.23/v1", "http://[fd00:ec2::23]/v1", "https://anything.example/x"}) {
    EXPECT_NO_THROW(host(good)) << good;
  }
  for (const auto* bad : {"http://example.com/", "http://169.254.169.254/", "http://127.0.0.1.example.com/",
                          "http://localhost.example.com/", "http://[fd00:ec2::24]/", "ftp://localhost/"}) {
    EXPECT_THROW(host(bad), base::Error) << bad;
  }
  const Surroundings both{.variables = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/full"},
                                        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x?id=1"}}};
  EXPECT_EQ(net::format_url(*container_url(both)), "http://169.254.170.2/v2/x?id=1");
  const Surroundings odd{.variables = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/x"}}};
  EXPECT_THROW(container_url(odd), base::Error);
  EXPECT_EQ(container_url({}), std::nullopt);
}

TEST_F(CredentialChainTest, AsksTheContainersEndpointUpToThreeTimes) {
  Impostor server(context, answers({status(500), status(500), status(200, keys("POD"))}));
  around.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.url("/v1/credentials");
  around.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "from the variable";
  around.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = home.path / "token";
  home.write("token", "from the file");
  EXPECT_EQ(find().access_key_id, "POD");
  EXPECT_EQ(requests.size(), 3U);
  EXPECT_TRUE(was_sent(2, "GET /v1/credentials ") && was_sent(2, "Authorization: from the file\r\n"));
}

TEST_F(CredentialChainTest, PutsNoSecondHeaderBehindTheContainersToken) {
  Impostor server(context, answers({status(200, keys("POD"))}));
  around.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.url();
  around.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = std::string(kSecret) + "\r\nX-Evil: 1";
  const auto error = failure();
  EXPECT_TRUE(has(error, "line break"));
  EXPECT_TRUE(requests.empty());
}

// Instances.

TEST_F(CredentialChainTest, AsksTheInstanceByVersionTwo) {
  around.variables.erase("AWS_EC2_METADATA_DISABLED");
  Impostor server(context, answers({status(200, "TOKEN"), status(200, "my role\nother"), status(200, keys("EC2"))}));
  around.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server.url();
  EXPECT_EQ(find().access_key_id, "EC2");
  EXPECT_TRUE(was_sent(0, "PUT /latest/api/token ") && was_sent(0, "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
  EXPECT_TRUE(was_sent(1, "GET /latest/meta-data/iam/security-credentials/ "));
  EXPECT_TRUE(was_sent(2, "security-credentials/my%20role ") && was_sent(2, "x-aws-ec2-metadata-token: TOKEN\r\n"));
}

TEST_F(CredentialChainTest, KnowsTheWaysInWhichAnInstanceHasNone) {
  around.variables.erase("AWS_EC2_METADATA_DISABLED");
  const auto failure_with = [&](std::vector<std::string> list) {
    requests.clear();
    Impostor server(context, answers(std::move(list)));
    around.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server.url();
    return failure();
  };
  EXPECT_TRUE(has(failure_with({status(403)}), "no metadata service (IMDSv2) answered"));
  EXPECT_TRUE(has(failure_with({status(200, "T"), status(404)}), "this instance has no role"));
  const auto odd =
      failure_with({status(200, "T"), status(200, "r"), status(200, R"({"Code":"AssumeRoleUnauthorizedAccess"})")});
  EXPECT_TRUE(has(odd, "AssumeRoleUnauthorizedAccess")) << odd.message;
  around.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1";
  EXPECT_TRUE(has(failure(), "no metadata service (IMDSv2) answered"));
}

// How long they are kept.

struct RenewalTest : CredentialChainTest {
  std::string answer = keys("A");
  Impostor server{context, [this](Peer& peer) -> Task<void> {
                    for (;;) {
                      auto seen = co_await peer.read_request();
                      if (seen.empty()) co_return;
                      requests.push_back(seen);
                      if (!co_await peer.send(answer.empty() ? status(500) : status(200, answer))) co_return;
                    }
                  }};
  RenewalTest() { around.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.url(); }
  std::string id(CredentialChain& from) { return net::await(context, from.get())->access_key_id; }
  void settle(std::size_t count) {
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    while (requests.size() < count && std::chrono::steady_clock::now() < give_up) context.run_one_for(10ms);
    for (int i = 0; i < 100; ++i) context.run_one_for(1ms);
  }
};

TEST_F(RenewalTest, KeepsThemUntilAQuarterOfAnHourBeforeTheyExpire) {
  auto from = chain();
  EXPECT_EQ(id(from), "A");
  clock.advance(44min);
  answer = keys("B");
  EXPECT_EQ(id(from), "A");
  EXPECT_EQ(requests.size(), 1U);
}

TEST_F(RenewalTest, RenewsThemBesideTheCallsFromThenOn) {
  auto from = chain();
  id(from);
  clock.advance(46min);
  answer = keys("B");
  EXPECT_EQ(id(from), "A") << "nobody waits";
  settle(2);
  EXPECT_EQ(id(from), "B");
  EXPECT_EQ(requests.size(), 2U);
}

TEST_F(RenewalTest, WaitsForNewOnesInTheLastTenMinutes) {
  auto from = chain();
  id(from);
  clock.advance(51min);
  answer = keys("B");
  EXPECT_EQ(id(from), "B");
}

TEST_F(RenewalTest, ServesTheOldOnesWhileRenewingFailsAndNoLonger) {
  auto from = chain();
  id(from);
  answer = "";
  clock.advance(51min);
  EXPECT_EQ(id(from), "A");
  const auto tries = requests.size();
  EXPECT_EQ(id(from), "A");
  EXPECT_EQ(requests.size(), tries) << "not again at once";
  clock.advance(10min);
  EXPECT_THROW(id(from), base::Error);
  answer = keys("C");
  clock.advance(2s);
  EXPECT_EQ(id(from), "C");
}

TEST_F(RenewalTest, LooksOnceForManyWhoAsk) {
  auto from = chain();
  int got = 0;
  for (int i = 0; i < 50; ++i) {
    asio::co_spawn(context, from.get(), [&](const std::exception_ptr& failed, const auto&) { got += failed ? 0 : 1; });
  }
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (got < 50 && std::chrono::steady_clock::now() < give_up) context.run_one_for(10ms);
  EXPECT_EQ(got, 50);
  EXPECT_EQ(requests.size(), 1U);
}

TEST_F(RenewalTest, ServesManyThreads) {
  auto from = chain();
  std::atomic<int> right = 0;
  std::atomic<int> left = 4;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      asio::io_context own{1};
      for (int n = 0; n < 50; ++n) {
        const auto got = net::await(own, from.get());
        if (got->access_key_id == "A") ++right;
        if (n % 10 == 9) from.drop(*got);
      }
      --left;
    });
  }
  while (left > 0) context.run_one_for(1ms);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
}

TEST_F(RenewalTest, GoesOnForTheOthersWhenWhoAskedFirstIsCancelled) {
  auto from = chain();
  asio::cancellation_signal cancel;
  bool cancelled = false;
  asio::co_spawn(
      context, from.get(),
      asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr&, const auto&) { cancelled = true; }));
  context.poll();
  cancel.emit(asio::cancellation_type::terminal);
  EXPECT_EQ(id(from), "A");
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(requests.size(), 1U);
}

TEST_F(RenewalTest, LooksAgainForWhatAServiceRefused) {
  auto from = chain();
  const auto first = net::await(context, from.get());
  answer = keys("B");
  auto other = *first;
  other.access_key_id = "somebody's older ones";
  from.drop(other);
  EXPECT_EQ(id(from), "A");
  from.drop(*first);
  EXPECT_EQ(id(from), "B");
}

TEST_F(RenewalTest, RemembersAFailureForASecond) {
  answer = "";
  auto from = chain();
  EXPECT_THROW(id(from), base::Error);
  EXPECT_THROW(id(from), base::Error);
  EXPECT_EQ(requests.size(), 3U) << "three tries of one look-up";
  clock.advance(2s);
  answer = keys("A");
  EXPECT_EQ(id(from), "A");
}

}  // namespace
}  // namespace aws
