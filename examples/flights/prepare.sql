-- What a training may know on the day $cutoff: labels of days before C - 14 are fitted on, those of the 14 days before C are
-- held out. A random split would let the model see the other flights of the same hour: AUC .782 instead of an honest .74.
-- Flights without a label (cancelled, diverted) cannot be learned from.
--
-- View: features. Parameter: $cutoff. Makes: fit, holdout.
CREATE TABLE fit AS
SELECT * FROM features
WHERE late IS NOT NULL AND day < CAST($cutoff AS DATE) - 14
ORDER BY sched, flight_id;

CREATE TABLE holdout AS
SELECT * FROM features
WHERE late IS NOT NULL AND day >= CAST($cutoff AS DATE) - 14 AND day < CAST($cutoff AS DATE)
ORDER BY sched, flight_id;
