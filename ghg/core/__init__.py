"""The ground floor every package stands on: units, gases, uncertainty, time, files, provenance, errors."""
