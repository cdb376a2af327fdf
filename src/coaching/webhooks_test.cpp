#include "coaching/webhooks.hpp"

#include "coaching/audit.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/webhook_records.hpp"
#include "coaching/world_test.hpp"
#include "net/impostor_test.hpp"
#include "net/url.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Task;
using net::Impostor;
using net::Peer;

std::string answer(std::string_view head) { return "HTTP/1.1 " + std::string(head) + "\r\nContent-Length: 0\r\n\r\n"; }

class WebhookTest : public testing::Test {
 protected:
  // Answers one request after the other; the last answer stays.
  net::Script answering(std::vector<std::string> heads) {
    return [this, heads](Peer& peer) -> Task<void> {
      auto request = co_await peer.read_request();
      if (request.empty()) co_return;
      requests.push_back(std::move(request));
      co_await peer.send(answer(heads[std::min(requests.size(), heads.size()) - 1]));
    };
  }
  void allow(const Impostor& server) {
    world.webhook_options.allow_private = {net::parse_url(server.url()).authority};
    world.first = world.make_instance();
  }
  Webhook add(const std::string& url, std::vector<std::string> events = {"*"}, const Owner& actor = {"bakery", "ada"}) {
    return world.run(register_webhook(coaching(), actor, {url, std::move(events), "for a test"}));
  }
  // Stores an event, as whatever reports it does, and gives the jobs of its deliveries.
  Event happen(std::string_view type = kConversationCompleted) {
    std::vector<store::Write> writes;
    auto event = world.run(add_event(coaching(), world.owner, type, {{"conversation_id", "conv_1"}}, writes));
    EXPECT_TRUE(world.run(world.store->transact(std::move(writes))).committed());
    return event;
  }
  void run(const std::string& job_id) { run(job_id, coaching()); }
  void run(const std::string& job_id, const Coaching& process) {
    const auto live = start_job(process, world.io.get_executor(), job_id);
    ASSERT_TRUE(live);
    world.run(live->wait_until_over(base::Milliseconds(20'000)));
  }
  Job job(const std::string& job_id) { return world.run(read_job(*world.store, job_id))->job; }
  bool has_input(const std::string& job_id) { return world.run(world.store->get(job_input_key(job_id))).has_value(); }
  std::string why_not(const std::string& url) {
    EXPECT_EQ(world.error_of([&] { coaching().webhooks.check_url(url); }), Code::validation_error) << url;
    EXPECT_EQ(world.last_error->details.at(0).at("field"), "url");
    return world.last_error->message;
  }
  static std::string header(const std::string& request, const std::string& name) {
    const auto at = base::to_lower(request).find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const auto begin = at + name.size() + 4;
    return request.substr(begin, request.find("\r\n", begin) - begin);
  }
  static std::string body(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }
  const Coaching& coaching() { return world.first->coaching; }

  World world;
  std::vector<std::string> requests;
};

// The example of the specification's own libraries.
TEST(WebhookSignature, IsThatOfTheSpecification) {
  EXPECT_EQ(webhook_signature(base::Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_p5jXN8AQM9LWM0D4loKWxJek",
                              1'614'265'330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST_F(WebhookTest, DeliversAnEventOnceAndSigned) {
  Impostor server(world.io, answering({"204 No Content"}));
  allow(server);
  const auto webhook = add(server.url("/hook?key=1"));
  EXPECT_TRUE(webhook.secret.reveal().starts_with("whsec_"));
  const auto event = happen();
  ASSERT_EQ(event.deliveries.size(), 1u);
  run(event.deliveries[0]);
  run(event.deliveries[0]);
  ASSERT_EQ(requests.size(), 1u);
  const auto& request = requests[0];
  EXPECT_TRUE(request.starts_with("POST /hook?key=1 HTTP/1.1\r\n")) << request;
  EXPECT_EQ(base::parse_json(body(request)), base::json::value(event_body(event)));
  EXPECT_EQ(header(request, "webhook-id"), event.event_id);
  EXPECT_EQ(header(request, "webhook-timestamp"), "1767225600");
  EXPECT_EQ(header(request, "webhook-signature"),
            webhook_signature(webhook.secret, event.event_id, 1'767'225'600, body(request)));
  EXPECT_EQ(job(event.deliveries[0]).status, JobStatus::completed);
  EXPECT_FALSE(has_input(event.deliveries[0]));
}

TEST_F(WebhookTest, TriesAgainLaterWithTheSameIdAndBody) {
  Impostor server(world.io, answering({"503 Busy\r\nRetry-After: 120", "500 Oops", "200 OK"}));
  allow(server);
  add(server.url());
  const auto id = happen().deliveries.at(0);
  run(id);
  EXPECT_EQ(job(id).status, JobStatus::pending);
  EXPECT_EQ(job(id).error, "dependency_unavailable");
  EXPECT_EQ(job(id).message, "the endpoint answered 503");
  EXPECT_EQ(job(id).due_at - world.clock.now(), base::Milliseconds(120'000));
  run(id);
  EXPECT_EQ(requests.size(), 1u) << "it is not due yet";
  world.clock.advance(base::Milliseconds(120'000));
  run(id);
  const auto wait = job(id).due_at - world.clock.now();
  EXPECT_GE(wait, base::Milliseconds(20'000));
  EXPECT_LE(wait, base::Milliseconds(40'000));
  world.clock.advance(wait);
  run(id);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(header(requests[0], "webhook-id"), header(requests[2], "webhook-id"));
  EXPECT_EQ(body(requests[0]), body(requests[2]));
  EXPECT_NE(header(requests[0], "webhook-timestamp"), header(requests[2], "webhook-timestamp"));
  EXPECT_EQ(job(id).status, JobStatus::completed);
}

TEST_F(WebhookTest, GivesUpAfterItsAttempts) {
  Impostor server(world.io, answering({"302 Found\r\nLocation: /elsewhere"}));
  allow(server);
  add(server.url());
  const auto id = happen().deliveries.at(0);
  for (int i = 0; i < 7; ++i) {
    run(id);
    world.clock.advance(base::Milliseconds(3'600'000));
  }
  EXPECT_EQ(requests.size(), 5u);
  EXPECT_EQ(job(id).status, JobStatus::failed);
  EXPECT_EQ(job(id).message, "the endpoint answered 302 (5 attempts)");
  EXPECT_TRUE(has_input(id)) << "an operator may have it tried again";
}

TEST_F(WebhookTest, IsSwitchedOffByA410) {
  Impostor server(world.io, answering({"410 Gone"}));
  allow(server);
  add(server.url());
  const auto first = happen(), second = happen();
  run(first.deliveries.at(0));
  const auto after = world.run(list_webhooks(*world.store, "bakery"));
  ASSERT_EQ(after.size(), 1u);
  EXPECT_FALSE(after[0].enabled);
  EXPECT_EQ(after[0].disabled_reason, "gone");
  run(second.deliveries.at(0));
  EXPECT_EQ(job(second.deliveries.at(0)).error, "obsolete");
  EXPECT_TRUE(happen().deliveries.empty());
  EXPECT_EQ(requests.size(), 1u);
}

TEST_F(WebhookTest, GetsWhatItAskedForOfItsTenant) {
  add("https://one.example/", {std::string(kConversationCompleted)});
  add("https://two.example/", {std::string(kConversationNeedsReview)});
  add("https://three.example/", {"*"});
  add("https://four.example/", {"*"}, {"brewery", "mia"});
  EXPECT_EQ(happen(kConversationCompleted).deliveries.size(), 2u);
  EXPECT_EQ(happen(kConversationAbandoned).deliveries.size(), 1u);
}

TEST_F(WebhookTest, SendsNothingMoreOnceItIsDeleted) {
  Impostor server(world.io, answering({"200 OK"}));
  allow(server);
  const auto webhook = add(server.url());
  const auto id = happen().deliveries.at(0);
  const Owner stranger{"brewery", "mia"};
  EXPECT_EQ(world.error_of([&] { world.run(delete_webhook(coaching(), stranger, webhook.webhook_id)); }),
            Code::not_found);
  world.run(delete_webhook(coaching(), {"bakery", "ada"}, webhook.webhook_id));
  run(id);
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(job(id).error, "obsolete");
  EXPECT_TRUE(happen().deliveries.empty());
  AuditQuery query;
  query.tenant_id = "bakery";
  const auto audit = world.run(read_audit(*world.store, query));
  ASSERT_EQ(audit.entries.size(), 2u);
  EXPECT_EQ(audit.entries[0].act, "webhook.delete");
  EXPECT_EQ(base::write_json(base::to_json(audit.entries)).find("127.0.0.1"), std::string::npos);
}

TEST_F(WebhookTest, IsFinishedByAnotherProcessWhenOneDies) {
  Impostor server(world.io, answering({"200 OK"}));
  allow(server);
  add(server.url());
  const auto id = happen().deliveries.at(0);
  ASSERT_TRUE(world.run(claim_job(coaching(), id, false)));  // and dies
  run(id);
  EXPECT_TRUE(requests.empty());
  world.clock.advance(world.options.job_lease);
  const auto second = world.make_instance();
  run(id, second->coaching);
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_EQ(job(id).status, JobStatus::completed);
}

TEST_F(WebhookTest, IsSignedWithBothSecretsWhileOneIsReplaced) {
  Impostor server(world.io, answering({"200 OK"}));
  allow(server);
  const Owner ada{"bakery", "ada"};
  const auto before = add(server.url());
  const auto after = world.run(rotate_secret(coaching(), ada, before.webhook_id));
  EXPECT_NE(after.secret, before.secret);
  const auto event = happen();
  run(event.deliveries.at(0));
  const auto signature = [&](const base::Secret& secret) {
    return webhook_signature(secret, event.event_id, 1'767'225'600, body(requests.at(0)));
  };
  EXPECT_EQ(header(requests.at(0), "webhook-signature"), signature(after.secret) + " " + signature(before.secret));
  world.clock.advance(world.webhook_options.rotation);
  run(happen().deliveries.at(0));
  EXPECT_EQ(header(requests.at(1), "webhook-signature").find(' '), std::string::npos);
  EXPECT_EQ(world.error_of([&] { world.run(rotate_secret(coaching(), {"brewery", "mia"}, before.webhook_id)); }),
            Code::not_found);
}

TEST_F(WebhookTest, LeadsToThePublicInternetAlone) {
  for (const auto* url :
       {"http://example.com/", "ftp://example.com/", "example.com", "https://", "", "https://127.0.0.1/",
        "https://[::1]/", "https://169.254.169.254/", "https://10.0.0.1:8443/", "https://2130706433/",
        "https://0x7f000001/", "https://localhost/", "https://u:p@example.com/"}) {
    EXPECT_NE(why_not(url), "") << url;
  }
  EXPECT_NO_THROW(coaching().webhooks.check_url("https://example.com:8443/hooks?key=1"));
  EXPECT_NO_THROW(coaching().webhooks.check_url("HTTPS://example.com"));
  const Webhooks development({}, true);
  EXPECT_NO_THROW(development.check_url("http://example.com/"));
  EXPECT_EQ(world.error_of([&] { development.check_url("http://127.0.0.1/"); }), Code::validation_error);
}

TEST_F(WebhookTest, AsksNoPrivateAddressEvenWhenItWasAllowedOnce) {
  Impostor server(world.io, answering({"200 OK"}));
  allow(server);
  add(server.url());
  world.webhook_options.allow_private.clear();
  world.first = world.make_instance();
  const auto id = happen().deliveries.at(0);
  run(id);
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(job(id).error, "validation_error");
}

TEST_F(WebhookTest, HasALimitOfEndpoints) {
  for (int i = 0; i < world.webhook_options.per_tenant; ++i) add("https://example.com/" + std::to_string(i));
  EXPECT_EQ(world.error_of([&] { add("https://example.com/more"); }), Code::domain_validation_error);
  EXPECT_EQ(world.last_error->details.at("rule"), "max_webhooks_reached");
}

}  // namespace
}  // namespace coaching
