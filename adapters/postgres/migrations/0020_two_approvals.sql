-- Categories that two people must approve: who was the first. An id as in campaigns.authors, a name as in the audit log.

ALTER TABLE campaigns
    ADD COLUMN first_approver text,
    ADD COLUMN first_approved_by text,
    ADD COLUMN first_approved_at timestamptz;
ALTER TABLE creative_versions
    ADD COLUMN first_approver text,
    ADD COLUMN first_approved_by text,
    ADD COLUMN first_approved_at timestamptz;
