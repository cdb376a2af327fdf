#pragma once
// How webhooks lie in the store: an endpoint in its tenant's partition, what there is to deliver as the input of its job.
#include <boost/describe.hpp>
#include <string>
#include <string_view>

#include "coaching/webhooks.hpp"

namespace coaching {

struct Delivery {
  std::string webhook_id;
  std::string event_id;
  std::string body;  // the same bytes at every attempt
};
BOOST_DESCRIBE_STRUCT(Delivery, (), (webhook_id, event_id, body))

std::string webhooks_partition(std::string_view tenant_id);
store::Key webhook_key(std::string_view tenant_id, std::string_view webhook_id);

store::Put put_webhook(const Webhook& webhook, std::int64_t new_version, store::Condition when);

}  // namespace coaching
