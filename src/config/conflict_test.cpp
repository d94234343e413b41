#include "config/conflict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/toml_reader.h"

namespace shoal::config {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

model::VirtualServer web() {
    return read_toml(R"(
[[virtual_server]]
name = "web"
address = "192.0.2.80/24"
device = "wan0:1"
[[virtual_server.real_server]]
name = "web-1"
address = "10.11.12.1"
[[virtual_server.real_server]]
name = "web-2"
address = "10.11.12.2"
)",
                     {})
        ->virtual_servers.front();
}

class Conflict : public ::testing::Test {
  protected:
    static model::Configuration with(const model::VirtualServer& service) {
        model::Configuration configuration;
        configuration.virtual_servers = {service};
        return configuration;
    }
    std::vector<FieldConflict> found() const {
        return conflicts(with(base_), with(theirs_), with(ours_));
    }
    const model::VirtualServer base_ = web();
    model::VirtualServer theirs_ = web();
    model::VirtualServer ours_ = web();
};

TEST_F(Conflict, is_none_between_changes_of_different_settings) {
    theirs_.real_servers[0].weight = 2;
    ours_.real_servers[1].weight = 3;
    ours_.scheduler = model::Scheduler::rr;
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(Conflict, is_none_where_both_want_the_same) {
    theirs_.real_servers[0].weight = ours_.real_servers[0].weight = 2;
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(Conflict, names_the_setting_and_the_three_values) {
    theirs_.real_servers[0].weight = 2;
    theirs_.scheduler = model::Scheduler::rr;
    ours_.real_servers[0].weight = 3;
    EXPECT_THAT(found(), ElementsAre(FieldConflict{"virtual_server web, real_server web-1, weight",
                                                   "1", "2", "3"}));
}

TEST_F(Conflict, a_changed_server_that_somebody_else_removed_is_one) {
    theirs_.real_servers.erase(theirs_.real_servers.begin());
    ours_.real_servers[0].weight = 3;
    EXPECT_THAT(found(), ElementsAre(FieldConflict{"virtual_server web, real_server web-1, weight",
                                                   "1", "", "3"}));
}

TEST_F(Conflict, servers_that_only_changed_places_are_the_same) {
    std::swap(theirs_.real_servers[0], theirs_.real_servers[1]);
    ours_.real_servers[0].weight = 3;
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(Conflict, two_that_were_added_under_one_name_differ_by_their_settings) {
    auto added = base_.real_servers[0];
    added.name = "web-3";
    added.address = net::Address::parse("10.11.12.3").value();
    theirs_.real_servers.push_back(added);
    added.address = net::Address::parse("10.11.12.4").value();
    ours_.real_servers.push_back(added);
    EXPECT_THAT(found(), ElementsAre(Field(&FieldConflict::field,
                                           "virtual_server web, real_server web-3, address")));
}

}  // namespace
}  // namespace shoal::config
