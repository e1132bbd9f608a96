-- What was given up is forgotten in the order in which it was, which is not that of the events: some is tried again.
CREATE INDEX delivery_forgotten ON delivery (given_up) WHERE given_up IS NOT NULL;
