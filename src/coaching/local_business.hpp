#pragma once
// The business data of tenants that keep it here: an item a section, in our own store.
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "coaching/business.hpp"
#include "store/store.hpp"

namespace coaching {

inline constexpr std::size_t kMaxSectionBytes = 256 * 1024;  // of its JSON text

struct SectionRecord {
  std::string section;
  base::json::value data;  // by the schema of openapi.yaml
  std::string updated_by;  // user id
  base::Time updated_at{};
};
BOOST_DESCRIBE_STRUCT(SectionRecord, (), (section, data, updated_by, updated_at))

struct StoredSection {
  SectionRecord record;
  std::int64_t version = 0;  // 0: never written; counts each change
};

// All but the profile, in the order of BusinessSection; what was never written has no data.
base::Task<std::vector<StoredSection>> read_sections(store::Store& store, std::string tenant_id);
base::Task<StoredSection> read_section(store::Store& store, std::string tenant_id, BusinessSection section);

struct SectionEdit {
  BusinessSection section = BusinessSection::foundation;
  base::json::value data;
  std::optional<std::int64_t> seen_version;  // refused when it is another by now; nullopt: whatever it is
};

// All of them or none, with an entry in the audit log each; what is the same already is not written. Returns them as they
// are afterwards. Throws Error: conflict (details: the sections and their versions), payload_too_large.
base::Task<std::vector<StoredSection>> write_sections(store::Store& store, base::Ids& ids, const base::Clock& clock,
                                                      Owner actor, std::vector<SectionEdit> edits);

class LocalBusiness final : public BusinessSource {
 public:
  explicit LocalBusiness(store::Store& store) : store_(store) {}  // must outlive every call
  base::Task<BusinessData> read(BusinessQuery query) override;
  base::Task<BusinessHealth> health() override;  // that of the store, which is reported as itself

 private:
  store::Store& store_;
};

}  // namespace coaching
