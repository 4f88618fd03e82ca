"""HJ 212-2017: the messages by which Chinese stack and water monitors report to supervisors.

Bytes -> frames (:mod:`sensors.hj212.frame`, :mod:`sensors.hj212.stream`) -> records in columns
(:mod:`sensors.hj212.bulk`) -> the common Dataset (:mod:`sensors.readers.hj212`); and back, for replies.
"""
