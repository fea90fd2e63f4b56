#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "admin/sampler.h"
#include "base/process.h"
#include "members.h"
#include "metrics/exposition.h"
#include "metrics/page.h"

namespace otto::admin {
namespace {

using namespace std::chrono_literals;
using namespace metrics;

// ---- the text format ---------------------------------------------------------------------------

std::string by_library(const std::vector<prometheus::MetricFamily>& families) {
    return prometheus::TextSerializer().Serialize(families);
}

std::string by_otto(const std::vector<prometheus::MetricFamily>& families) {
    return Exposition().Serialize(families);
}

prometheus::ClientMetric metric(double value, std::vector<prometheus::ClientMetric::Label> labels) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = value;
    metric.gauge.value = value;
    return metric;
}

TEST(Exposition, WritesWhatTheLibraryWrites) {
    std::vector<prometheus::ClientMetric> metrics;
    for (const double value :
         {0.0, 1.0, -1.0, -0.0, 0.1, 1.0 / 3, 1e-9, 123456789012345.0, 1e14 + 0.5, 1e15, 1e16,
          9007199254740993.0, 1795423421.123, double{NAN}, double{INFINITY}, -double{INFINITY}}) {
        metrics.push_back(metric(value, {}));
        metrics.push_back(metric(value, {{"server", "http://localhost:5001"}, {"code", "2xx"}}));
    }
    metrics.push_back(metric(7, {{"server", "a \"b\" \\ \n \t ä"}, {"empty", ""}}));
    EXPECT_EQ(by_otto({{"a_total", "Help, with \\ and \"quotes\".", prometheus::MetricType::Counter,
                        metrics},
                       {"b", "B.", prometheus::MetricType::Gauge, metrics},
                       {"none", "Nothing.", prometheus::MetricType::Gauge, {}}}),
              by_library({{"a_total", "Help, with \\ and \"quotes\".",
                           prometheus::MetricType::Counter, metrics},
                          {"b", "B.", prometheus::MetricType::Gauge, metrics},
                          {"none", "Nothing.", prometheus::MetricType::Gauge, {}}}));
}

TEST(Exposition, WritesHistogramsAsTheLibraryDoes) {
    std::vector<prometheus::ClientMetric> metrics(4);
    metrics[0].histogram = {7, 1.25, {{1, 0.0001}, {2, 0.00025}, {3, 60}}};
    metrics[1].histogram = metrics[0].histogram;
    metrics[1].label = {{"server", "one"}};
    metrics[2].histogram = {7, 0.1, {{1, 0.5}, {7, INFINITY}}};
    metrics[2].label = {{"server", "two"}};
    const std::vector<prometheus::MetricFamily> families{
        {"h_seconds", "H.", prometheus::MetricType::Histogram, metrics}};
    EXPECT_EQ(by_otto(families), by_library(families));
}

// ---- percentiles -------------------------------------------------------------------------------

Duration percentile(const std::vector<Duration>& observed, double part) {
    observe::Histogram histogram;
    for (const Duration each : observed) histogram.observe(each);
    Latencies latencies;
    latencies.add(histogram);
    return latencies.percentile(part);
}

TEST(Latencies, AreInterpolatedWithinABucket) {
    EXPECT_EQ(percentile({}, 0.5), 0ns);
    EXPECT_EQ(percentile({50us}, 1), 100us);
    EXPECT_EQ(percentile({50us, 50us}, 0.5), 50us);
    EXPECT_EQ(percentile({50us, 50us, 20ms, 20ms}, 0.5), 100us);
    EXPECT_EQ(percentile({50us, 50us, 20ms, 20ms}, 0.75), 17500us);
    EXPECT_EQ(percentile({50us, 50us, 20ms, 20ms}, 1), 25ms);
    EXPECT_EQ(percentile({50us, 5min, 5min}, 0.9), 60s);
    EXPECT_EQ(percentile({5min}, 0.5), 60s);
}

TEST(Latencies, OfTheBoundBelongToItsBucket) {
    observe::Histogram histogram;
    histogram.observe(250us);
    histogram.observe(250us + 1ns);
    histogram.observe(-5ns);
    EXPECT_EQ(histogram.count(0), 1u);
    EXPECT_EQ(histogram.count(1), 1u);
    EXPECT_EQ(histogram.count(2), 1u);
}

// ---- sampling ----------------------------------------------------------------------------------

class FakeControl final : public Control {
  public:
    void take(std::vector<Member> members) { snapshot_ = snapshot_of(std::move(members)); }

    Overview overview() const override { return {}; }
    bool ready() const override { return true; }
    const std::string& config_file() const override { return file_; }
    const std::shared_ptr<const Snapshot>& shared_snapshot() const override { return snapshot_; }
    Totals totals() const override {
        Totals totals;
        totals.add(counters);
        return totals;
    }
    Readings readings() const override { return {}; }
    Condition condition(const Member&, TimePoint) const override { return {}; }
    const Sampler& sampler() const override { std::abort(); }
    void apply(Config) override {}
    std::vector<ConfigProblem> reload_file() override { return {}; }
    bool check_server(const ServerConfig&, std::function<void(const Checked&)>) override {
        return false;
    }
    bool in_force_everywhere() const override { return true; }

    WorkerCounters counters;

  private:
    std::string file_ = "config.json";
    std::shared_ptr<const Snapshot> snapshot_ = snapshot_of({});
};

class SamplerTest : public testing::Test {
  protected:
    SamplerTest() : members_(members_of({1, 1})), sampler_(control_) { control_.take(members_); }

    ServerCounters& counters(std::size_t server, unsigned worker = 0) {
        return members_[server].server->metrics->shard(worker, 2);
    }
    const Sample& of(std::size_t server) const { return sampler_.of(*members_[server].server); }
    void tick(int times = 1) {
        for (int i = 0; i < times; ++i) sampler_.tick(time_ += 1s);
    }

    std::vector<Member> members_;
    FakeControl control_;
    Sampler sampler_;
    TimePoint time_{};
};

TEST_F(SamplerTest, NothingIsZero) {
    EXPECT_EQ(of(0).requests, 0u);
    tick(3);
    EXPECT_EQ(of(0).requests_per_second, 0);
    EXPECT_EQ(sampler_.total().p99, 0ns);
}

TEST_F(SamplerTest, RatesAreThoseOfTheLastTenSeconds) {
    tick(20);
    counters(0, 0).replies[2].add(20);
    counters(0, 1).replies[5].add(5);
    counters(0, 1).failed[static_cast<std::size_t>(Failure::refused)].add(4);
    counters(0, 1).failed[static_cast<std::size_t>(Failure::local)].add(1);
    counters(0, 0).retried[static_cast<std::size_t>(Failure::refused)].add(2);
    counters(0, 0).cut.add(1);
    tick();
    EXPECT_EQ(of(0).requests, 30u);
    EXPECT_EQ(of(0).errors, 10u);
    EXPECT_EQ(of(0).retries, 2u);
    EXPECT_DOUBLE_EQ(of(0).requests_per_second, 3);
    EXPECT_DOUBLE_EQ(of(0).errors_per_second, 1);
    EXPECT_DOUBLE_EQ(of(0).retries_per_second, 0.2);
    EXPECT_EQ(of(1).requests, 0u);
    tick(9);
    EXPECT_DOUBLE_EQ(of(0).requests_per_second, 3);
    tick();
    EXPECT_EQ(of(0).requests, 30u);
    EXPECT_DOUBLE_EQ(of(0).requests_per_second, 0);
}

TEST_F(SamplerTest, TheFirstTickCoversASecond) {
    counters(0).replies[2].add(8);
    tick();
    EXPECT_DOUBLE_EQ(of(0).requests_per_second, 8);
    tick();
    EXPECT_DOUBLE_EQ(of(0).requests_per_second, 4);
}

TEST_F(SamplerTest, PercentilesForgetWhatIsOld) {
    counters(0).total.observe(50us);
    counters(0, 1).total.observe(50us);
    tick(5);
    counters(0).total.observe(40s);
    tick();
    EXPECT_EQ(of(0).p50, 75us);
    EXPECT_GT(of(0).p99, 30s);
    tick(6);
    EXPECT_GT(of(0).p50, 30s);
    tick(4);
    EXPECT_EQ(of(0).p99, 0ns);
}

TEST_F(SamplerTest, TheTotalCountsWhatClientsGot) {
    control_.counters.requests.store(10);
    control_.counters.replies[2].store(6);
    control_.counters.replies[5].store(3);
    control_.counters.cut.store(1);
    control_.counters.retries.store(2);
    control_.counters.total.observe(50us);
    tick();
    EXPECT_EQ(sampler_.total().requests, 10u);
    EXPECT_EQ(sampler_.total().errors, 4u);
    EXPECT_EQ(sampler_.total().retries, 2u);
    EXPECT_EQ(sampler_.total().p50, 50us);
}

TEST_F(SamplerTest, FiveMinutesOfTheTotalAreKept) {
    EXPECT_TRUE(sampler_.history().empty());
    tick();
    control_.counters.requests.store(20);
    tick();
    ASSERT_EQ(sampler_.history().size(), 2u);
    EXPECT_EQ(sampler_.history().front().requests, 0u);
    EXPECT_EQ(sampler_.history().back().requests, 20u);
    EXPECT_GT(sampler_.history().back().requests_per_second, 1);
    tick(300);
    EXPECT_EQ(sampler_.history().size(), Sampler::most_kept);
    EXPECT_EQ(sampler_.history().front().requests, 20u);
}

TEST_F(SamplerTest, AServerWhoseNameMovesGoesOnAndAGoneOneIsForgotten) {
    counters(0).replies[2].add(10);
    tick(12);
    const Server& before = *members_[0].server;
    members_[0].server = std::make_shared<Server>(before.url, before.host, "",
                                                  std::vector<Address>{}, before.metrics);
    control_.take(members_);
    tick();
    EXPECT_EQ(of(0).requests, 10u);
    EXPECT_EQ(of(0).requests_per_second, 0);
    control_.take({members_[1]});
    tick();
    EXPECT_EQ(of(0).requests, 0u);
}

// ---- the page ----------------------------------------------------------------------------------

Readings readings_of(std::vector<Member> members) {
    Readings readings;
    readings.version = "1.2.3";
    readings.standings.resize(members.size());
    readings.snapshot = snapshot_of(std::move(members), 3);
    return readings;
}

std::string page_of(Readings readings) {
    Page page(std::move(readings));
    std::string text;
    while (page.step(text)) continue;
    return text;
}

bool has_line(const std::string& page, const std::string& line) {
    return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

TEST(MetricsPage, HasEachFamilyOnceWithHelp) {
    const std::string page = page_of(readings_of(members_of({1})));
    for (const std::string& name : Page::names()) {
        const std::size_t help = page.find("# HELP " + name + " ");
        ASSERT_NE(help, std::string::npos) << name;
        EXPECT_EQ(page.find("# HELP " + name + " ", help + 1), std::string::npos) << name;
    }
    EXPECT_TRUE(has_line(page, "otto_build_info{version=\"1.2.3\"} 1"));
    EXPECT_TRUE(has_line(page, "otto_config_generation 3"));
    EXPECT_EQ(page.find("\notto_watchdog_lag_seconds"), std::string::npos);
}

TEST(MetricsPage, TellsWhatServersHaveCounted) {
    std::vector<Member> members = members_of({1, 1});
    members[0].name = "a \"b\"";
    members[0].state = ServerState::drain;
    ServerMetrics& metrics = *members[0].server->metrics;
    metrics.ejections.add(2);
    metrics.ejections_denied.add(3);
    for (const unsigned worker : {0u, 1u}) {
        ServerCounters& counters = metrics.shard(worker, 2);
        counters.replies[2].add(3);
        counters.failed[static_cast<std::size_t>(Failure::connect_timeout)].add();
        counters.head.observe(300us);
        counters.head.observe(100s);
    }
    Readings readings = readings_of(members);
    readings.standings[1] = {.ejected = true, .share = 0.25};
    const std::string page = page_of(std::move(readings));
    const std::string one = "{server=\"a \\\"b\\\"\"";
    const std::string two = "{server=\"http://127.0.0.1:2\"";
    for (const std::string& line :
         {"otto_server_healthy" + one + "} 1", "otto_server_ejections_total" + one + "} 2",
          "otto_server_ejections_denied_total" + one + "} 3",
          "otto_server_state" + one + ",state=\"active\"} 0",
          "otto_server_state" + one + ",state=\"drain\"} 1",
          "otto_server_responses_total" + one + ",code=\"2xx\"} 6",
          "otto_server_failures_total" + one + ",reason=\"connect-timeout\"} 2",
          "otto_server_response_head_seconds_bucket" + one + ",le=\"0.00025\"} 0",
          "otto_server_response_head_seconds_bucket" + one + ",le=\"0.0005\"} 2",
          "otto_server_response_head_seconds_bucket" + one + ",le=\"60\"} 2",
          "otto_server_response_head_seconds_bucket" + one + ",le=\"+Inf\"} 4",
          "otto_server_response_head_seconds_count" + one + "} 4",
          "otto_server_response_head_seconds_sum" + one + "} 200.0006",
          "otto_server_ejected" + two + "} 1", "otto_server_share_ratio" + two + "} 0.25",
          "otto_server_responses_total" + two + ",code=\"2xx\"} 0"})
        EXPECT_TRUE(has_line(page, line)) << line << "\n" << page;
    EXPECT_EQ(page.find("_seconds_count" + two), std::string::npos) << "never asked";
}

// ---- the process -------------------------------------------------------------------------------

TEST(Process, IsRead) {
    const ProcessUse use = read_process();
    EXPECT_GT(use.cpu, 0ns);
    EXPECT_GT(use.resident, 1u << 20);
    EXPECT_GE(use.virtual_size, use.resident);
    EXPECT_GE(use.threads, 1u);
    EXPECT_GE(use.open_files, 3u);
    EXPECT_LT(use.open_files, 200u);
    EXPECT_GE(use.most_files, use.open_files);
}

}  // namespace
}  // namespace otto::admin
