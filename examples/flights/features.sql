-- The 25 features of every flight that is planned to leave from day $from_day on and before day $until_day (local days of New
-- York), as they were known at its moment of decision T = two hours before its planned departure. Nothing later is read:
-- weather only of hours that were over at T, airport and carrier only from events up to T, history only from labels that
-- had arrived (a day's labels arrive at 06:00 of the next day, so D-2 is the newest day that is complete at any T of day D).
--
-- Views: flights, weather. Parameters: $from_day, $until_day. Makes: features. All instants are UTC.
CREATE TEMP TABLE span AS SELECT CAST($from_day AS DATE) AS from_day, CAST($until_day AS DATE) AS until_day;

CREATE TEMP TABLE flown AS
SELECT
  strftime(make_date(year, month, day), '%Y-%m-%d') || '-' || carrier || '-' || flight || '-' || origin AS flight_id,
  make_date(year, month, day) AS local_day,
  time_hour + to_minutes(CAST(minute AS BIGINT)) AS sched,
  time_hour + to_minutes(CAST(minute AS BIGINT) - 120) AS decided,
  time_hour + to_minutes(CAST(minute AS BIGINT) + dep_delay) AS departed,
  dep_delay,
  CASE WHEN arr_delay IS NOT NULL THEN CAST(arr_delay > 15 AS INTEGER) END AS late,
  carrier, origin, dest, flight,
  hour * 60 + minute AS sched_minute,
  isodow(make_date(year, month, day)) AS weekday,
  distance,
  -- Midnight is written both as 0 and as 2400: modulo a day they are the same.
  ((sched_arr_time // 100 * 60 + sched_arr_time % 100) - (hour * 60 + minute) + 1440) % 1440 AS sched_span,
  count(*) OVER (PARTITION BY origin, time_hour) AS sched_in_hour
FROM flights, span
WHERE make_date(year, month, day) >= from_day - 30 AND make_date(year, month, day) < until_day;

CREATE TEMP TABLE asked AS SELECT flown.* FROM flown, span WHERE local_day >= from_day;

-- Weather: the last hour that was over at T, unless it is older than six hours.
CREATE TEMP TABLE weather_then AS
SELECT flight_id, temp, dewp, humid, wind_speed, coalesce(wind_gust, 0) AS wind_gust, precip, pressure, visib
FROM asked ASOF JOIN (SELECT *, time_hour + INTERVAL 1 HOUR AS known FROM weather) AS observed
  ON asked.origin = observed.origin AND asked.decided >= observed.known
WHERE asked.decided - observed.known <= INTERVAL 6 HOUR;

-- Airport and carrier now: departures, planned departures 15 minutes ago, and the moments of decision, on one time line.
CREATE TEMP TABLE moments AS
SELECT origin, carrier, local_day, departed AS ts, dep_delay AS delay, 1 AS dep, 0 AS sch, NULL AS flight_id FROM flown WHERE departed IS NOT NULL
UNION ALL
SELECT origin, carrier, local_day, sched + INTERVAL 15 MINUTE, NULL, 0, 1, NULL FROM flown
UNION ALL
SELECT origin, carrier, local_day, decided, NULL, 0, 0, flight_id FROM asked;

CREATE TEMP TABLE traffic_then AS
SELECT * FROM (
  SELECT
    flight_id,
    sum(dep) OVER airport AS apt_dep_2h,
    avg(delay) OVER airport AS apt_delay_2h,
    avg(CASE WHEN delay IS NOT NULL THEN CAST(delay > 15 AS INTEGER) END) OVER airport AS apt_late_2h,
    sum(sch - dep) OVER (PARTITION BY origin, local_day ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS apt_overdue,
    avg(delay) OVER (PARTITION BY origin, carrier ORDER BY ts RANGE BETWEEN INTERVAL 3 HOUR PRECEDING AND CURRENT ROW) AS car_delay_3h,
    sum(sch - dep) OVER (PARTITION BY origin, carrier, local_day ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS car_overdue
  FROM moments
  WINDOW airport AS (PARTITION BY origin ORDER BY ts RANGE BETWEEN INTERVAL 2 HOUR PRECEDING AND CURRENT ROW)
)
WHERE flight_id IS NOT NULL;

-- History: late rates of label days D-29 to D-2, shrunk towards the overall rate and given relative to it.
-- Absolute rates would teach the model dates.
CREATE TEMP TABLE overall_then AS
SELECT local_day, sum(late) OVER overall_past / sum(labelled) OVER overall_past AS rate
FROM (SELECT local_day, sum(late) AS late, count(late) AS labelled FROM flown GROUP BY local_day)
WINDOW overall_past AS (ORDER BY local_day RANGE BETWEEN INTERVAL 29 DAY PRECEDING AND INTERVAL 2 DAY PRECEDING);

CREATE TEMP TABLE carrier_then AS
SELECT carrier, local_day, sum(late) OVER carrier_past AS k, sum(labelled) OVER carrier_past AS n
FROM (SELECT carrier, local_day, sum(late) AS late, count(late) AS labelled FROM flown GROUP BY carrier, local_day)
WINDOW carrier_past AS (PARTITION BY carrier ORDER BY local_day RANGE BETWEEN INTERVAL 29 DAY PRECEDING AND INTERVAL 2 DAY PRECEDING);

CREATE TEMP TABLE route_then AS
SELECT origin, dest, local_day, sum(late) OVER route_past AS k, sum(labelled) OVER route_past AS n
FROM (SELECT origin, dest, local_day, sum(late) AS late, count(late) AS labelled FROM flown GROUP BY origin, dest, local_day)
WINDOW route_past AS (PARTITION BY origin, dest ORDER BY local_day RANGE BETWEEN INTERVAL 29 DAY PRECEDING AND INTERVAL 2 DAY PRECEDING);

CREATE TEMP TABLE flight_then AS
SELECT carrier, flight, origin, dest, local_day, sum(late) OVER flight_past AS k, sum(labelled) OVER flight_past AS n
FROM (SELECT carrier, flight, origin, dest, local_day, sum(late) AS late, count(late) AS labelled FROM flown GROUP BY carrier, flight, origin, dest, local_day)
WINDOW flight_past AS (PARTITION BY carrier, flight, origin, dest ORDER BY local_day RANGE BETWEEN INTERVAL 29 DAY PRECEDING AND INTERVAL 2 DAY PRECEDING);

CREATE TABLE features AS
SELECT
  flight_id, local_day AS day, sched, late,
  carrier, origin, dest,
  CAST(sched_minute AS FLOAT) AS sched_minute,
  CAST(weekday AS FLOAT) AS weekday,
  CAST(distance AS FLOAT) AS distance,
  CAST(sched_span AS FLOAT) AS sched_span,
  CAST(sched_in_hour AS FLOAT) AS sched_in_hour,
  CAST(temp AS FLOAT) AS temp,
  CAST(dewp AS FLOAT) AS dewp,
  CAST(humid AS FLOAT) AS humid,
  CAST(wind_speed AS FLOAT) AS wind_speed,
  CAST(wind_gust AS FLOAT) AS wind_gust,
  CAST(precip AS FLOAT) AS precip,
  CAST(pressure AS FLOAT) AS pressure,
  CAST(visib AS FLOAT) AS visib,
  CAST(apt_dep_2h AS FLOAT) AS apt_dep_2h,
  CAST(apt_delay_2h AS FLOAT) AS apt_delay_2h,
  CAST(apt_late_2h AS FLOAT) AS apt_late_2h,
  CAST(apt_overdue AS FLOAT) AS apt_overdue,
  CAST(car_delay_3h AS FLOAT) AS car_delay_3h,
  CAST(car_overdue AS FLOAT) AS car_overdue,
  CAST((coalesce(carrier_then.k, 0) + 50 * rate) / (coalesce(carrier_then.n, 0) + 50) - rate AS FLOAT) AS carrier_rel,
  CAST((coalesce(route_then.k, 0) + 20 * rate) / (coalesce(route_then.n, 0) + 20) - rate AS FLOAT) AS route_rel,
  CAST((coalesce(flight_then.k, 0) + 5 * rate) / (coalesce(flight_then.n, 0) + 5) - rate AS FLOAT) AS flight_rel
FROM asked
LEFT JOIN weather_then USING (flight_id)
LEFT JOIN traffic_then USING (flight_id)
LEFT JOIN overall_then USING (local_day)
LEFT JOIN carrier_then USING (carrier, local_day)
LEFT JOIN route_then USING (origin, dest, local_day)
LEFT JOIN flight_then USING (carrier, flight, origin, dest, local_day)
ORDER BY sched, flight_id;
