-- Whom a campaign keeps away from: {"frequency_caps": [{count, per, scope}], "spacing_minutes": 60 or null,
-- "exclude_brands": ["brand", "category:retail"]}; what is not there asks for nothing.
ALTER TABLE campaigns ADD COLUMN exposure jsonb NOT NULL DEFAULT '{}';
